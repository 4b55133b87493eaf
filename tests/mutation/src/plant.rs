//! Writes all mutants into one program ("mutant schemata", Untch, Offutt and Harrold 1993): what a mutant changes asks
//! `mutation::on(N)`, and an environment variable says which one is on. So there is one build for all of them.

use proc_macro2::Span;
use quote::quote;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, BinOp, Block, Expr, ExprBinary, ImplItemFn, ItemFn, Local, Pat, ReturnType, Stmt,
    Type, parse_quote,
};

/// One change of the program.
pub struct Mutant {
    pub line: usize,
    pub function: String,
    pub what: String,
}

/// The file with all of its mutants, whose numbers follow those that are in `mutants`.
pub fn plant(source: &str, mutants: &mut Vec<Mutant>) -> syn::Result<String> {
    let mut file = syn::parse_file(source)?;
    let mut planter = Planter {
        mutants,
        function: String::new(),
    };
    planter.visit_file_mut(&mut file);
    Ok(prettyplease::unparse(&file))
}

struct Planter<'a> {
    mutants: &'a mut Vec<Mutant>,
    function: String,
}

impl Planter<'_> {
    /// A new mutant: what asks whether it is on.
    fn on(&mut self, at: Span, what: String) -> Expr {
        self.mutants.push(Mutant {
            line: at.start().line,
            function: self.function.clone(),
            what,
        });
        let number = self.mutants.len();
        parse_quote!(crate::mutation::on(#number))
    }

    fn function(&mut self, name: &str, output: &ReturnType, block: &mut Block) {
        let outer = std::mem::replace(&mut self.function, name.to_owned());
        self.visit_block_mut(block);
        for value in early_values(output) {
            let text = match &value {
                Some(value) => format!("returns {} at once", quote!(#value)),
                None => "does nothing".to_owned(),
            };
            let on = self.on(block.brace_token.span.open(), text);
            block
                .stmts
                .insert(0, parse_quote!(if #on { return #value; }));
        }
        self.function = outer;
    }

    /// Negates a condition in place, unless an operator of its own can be changed.
    fn negate(&mut self, condition: &mut Expr, before: &Expr) {
        if matches!(before, Expr::Binary(_) | Expr::Let(_) | Expr::Lit(_)) {
            return;
        }
        let on = self.on(before.span(), format!("not: {}", shown(before)));
        let inner = condition.clone();
        *condition = parse_quote!((#on != (#inner)));
    }
}

/// What a function may return instead of running.
fn early_values(output: &ReturnType) -> Vec<Option<Expr>> {
    let ReturnType::Type(_, ty) = output else {
        return vec![None];
    };
    let Type::Path(path) = &**ty else {
        return Vec::new();
    };
    let name = path.path.segments.last().map(|last| last.ident.to_string());
    match name.as_deref() {
        Some("bool") => vec![Some(parse_quote!(true)), Some(parse_quote!(false))],
        Some("Option") => vec![Some(parse_quote!(None))],
        Some("usize" | "u32" | "u64") => vec![Some(parse_quote!(0)), Some(parse_quote!(1))],
        _ => Vec::new(),
    }
}

fn shown(expr: &Expr) -> String {
    let text = quote!(#expr).to_string();
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push_str("..");
    }
    short
}

fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = quote!(#attribute).to_string();
        text.contains("cfg") && (text.contains("test") || text.contains("loom"))
    })
}

fn is_debug(item: &syn::Item) -> bool {
    let syn::Item::Impl(item) = item else {
        return false;
    };
    let of = item
        .trait_
        .as_ref()
        .and_then(|(_, path, _)| path.segments.last());
    of.is_some_and(|last| last.ident == "Debug")
}

/// What stands in place of an operator.
fn others(op: &BinOp) -> Vec<BinOp> {
    match op {
        BinOp::Eq(_) => vec![parse_quote!(!=)],
        BinOp::Ne(_) => vec![parse_quote!(==)],
        BinOp::Lt(_) => vec![parse_quote!(<=), parse_quote!(>=)],
        BinOp::Le(_) => vec![parse_quote!(<), parse_quote!(>)],
        BinOp::Gt(_) => vec![parse_quote!(>=), parse_quote!(<=)],
        BinOp::Ge(_) => vec![parse_quote!(>), parse_quote!(<)],
        BinOp::And(_) => vec![parse_quote!(||)],
        BinOp::Or(_) => vec![parse_quote!(&&)],
        BinOp::Add(_) => vec![parse_quote!(-)],
        BinOp::Sub(_) => vec![parse_quote!(+)],
        BinOp::BitAnd(_) => vec![parse_quote!(|)],
        BinOp::BitOr(_) => vec![parse_quote!(&)],
        BinOp::AddAssign(_) => vec![parse_quote!(-=)],
        BinOp::SubAssign(_) => vec![parse_quote!(+=)],
        _ => Vec::new(),
    }
}

/// Calls and assignments, but for those to a variable: it may have been moved out of.
fn may_be_left_out(expr: &Expr) -> bool {
    match expr {
        // What orders memory is for the models.
        Expr::Call(_) => !shown(expr).starts_with("fence"),
        Expr::MethodCall(_) => true,
        Expr::Assign(assign) => !matches!(*assign.left, Expr::Path(_)),
        _ => false,
    }
}

/// Whether a difference is one of times, which cannot be added.
fn is_of_times(expr: &ExprBinary) -> bool {
    let left = shown(&expr.left);
    matches!(expr.op, BinOp::Sub(_)) && (left.contains("now") || left == "start")
}

fn is_logic(op: &BinOp) -> bool {
    matches!(op, BinOp::And(_) | BinOp::Or(_))
}

/// `let` in a chain of conditions cannot be written twice, or into parentheses.
fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl VisitMut for Planter<'_> {
    fn visit_item_mut(&mut self, item: &mut syn::Item) {
        let attributes = match &*item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Const(_) | syn::Item::Static(_) => return,
            _ => return visit_mut::visit_item_mut(self, item),
        };
        let skipped = is_test_only(attributes) || is_debug(item);
        if !skipped {
            visit_mut::visit_item_mut(self, item);
        }
    }

    fn visit_item_fn_mut(&mut self, item: &mut ItemFn) {
        if item.sig.constness.is_none() {
            let name = item.sig.ident.to_string();
            self.function(&name, &item.sig.output, &mut item.block);
        }
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut ImplItemFn) {
        if item.sig.constness.is_none() && !is_test_only(&item.attrs) {
            let name = item.sig.ident.to_string();
            self.function(&name, &item.sig.output, &mut item.block);
        }
    }

    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        let (at, text) = match stmt {
            Stmt::Item(_) => return,
            Stmt::Expr(expr, Some(_)) if may_be_left_out(expr) => (expr.span(), shown(expr)),
            Stmt::Local(Local {
                pat: Pat::Wild(_),
                init: Some(init),
                ..
            }) => (init.expr.span(), shown(&init.expr)),
            _ => return visit_mut::visit_stmt_mut(self, stmt),
        };
        visit_mut::visit_stmt_mut(self, stmt);
        let on = self.on(at, format!("leaves out: {text}"));
        let inner = stmt.clone();
        *stmt = parse_quote!(if !#on { #inner });
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        let before = arm.guard.clone();
        visit_mut::visit_arm_mut(self, arm);
        if let (Some((_, guard)), Some((_, before))) = (&mut arm.guard, before) {
            self.negate(guard, &before);
        }
    }

    fn visit_expr_if_mut(&mut self, expr: &mut syn::ExprIf) {
        let before = expr.cond.clone();
        visit_mut::visit_expr_if_mut(self, expr);
        self.negate(&mut expr.cond, &before);
    }

    fn visit_expr_while_mut(&mut self, expr: &mut syn::ExprWhile) {
        let before = expr.cond.clone();
        visit_mut::visit_expr_while_mut(self, expr);
        self.negate(&mut expr.cond, &before);
    }

    fn visit_expr_repeat_mut(&mut self, expr: &mut syn::ExprRepeat) {
        self.visit_expr_mut(&mut expr.expr);
    }

    fn visit_expr_const_mut(&mut self, _: &mut syn::ExprConst) {}

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let before = matches!(expr, Expr::Binary(_)).then(|| expr.clone());
        visit_mut::visit_expr_mut(self, expr);
        let (Expr::Binary(binary), Some(before)) = (&mut *expr, before) else {
            return;
        };
        if let (true, Expr::Binary(was)) = (is_logic(&binary.op), &before) {
            self.negate(&mut binary.left, &was.left);
            self.negate(&mut binary.right, &was.right);
        }
        if has_let(&before) || is_of_times(binary) {
            return;
        }
        let original = binary.clone();
        let mut whole: Expr = Expr::Binary(original.clone());
        for op in others(&original.op) {
            let sign = quote!(#op).to_string();
            let on = self.on(before.span(), format!("{sign} in: {}", shown(&before)));
            let changed = Expr::Binary(ExprBinary {
                op,
                ..original.clone()
            });
            whole = parse_quote!((if #on { #changed } else { #whole }));
        }
        *expr = whole;
    }
}
