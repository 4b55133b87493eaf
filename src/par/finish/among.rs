//! A fallible value that may be missing.

use crate::par::finish::attempt::Try;
use std::ops::ControlFlow;

/// Nothing yet, or a fallible value: fallible itself, and what it holds is an option.
pub(crate) struct Among<R>(pub(crate) Option<R>);

impl<R: Try> Try for Among<R> {
    type Output = Option<R::Output>;
    type Residual = R::Residual;

    fn from_output(output: Self::Output) -> Self {
        Self(output.map(R::from_output))
    }

    fn from_residual(residual: R::Residual) -> Self {
        Self(Some(R::from_residual(residual)))
    }

    fn branch(self) -> ControlFlow<R::Residual, Self::Output> {
        match self.0.map(R::branch) {
            None => ControlFlow::Continue(None),
            Some(ControlFlow::Continue(output)) => ControlFlow::Continue(Some(output)),
            Some(ControlFlow::Break(residual)) => ControlFlow::Break(residual),
        }
    }
}
