//! From text to a tree.

use crate::scan::Scanner;
use crate::{Comparison, Invalid, Node, Operator};

/// An expression has up to this many comparisons.
pub const MAX_COMPARISONS: usize = 64;
/// Parentheses stand in each other up to this deep.
pub const MAX_DEPTH: usize = 32;

/// What a filter says; nothing where it is empty.
///
/// # Errors
///
/// The first place where it is no filter.
pub fn parse(text: &str) -> Result<Option<Node<Comparison>>, Invalid> {
    let mut parser = Parser { scanner: Scanner::new(text)?, comparisons: 0, depth: 0 };
    if !parser.scanner.skip_space() {
        return Ok(None);
    }
    let node = parser.all()?;
    if parser.scanner.skip_space() {
        // Only a parenthesis ends an expression before its end.
        return Err(parser.expected("`AND`, `OR` or the end; no `(` is open here"));
    }
    Ok(Some(node))
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    comparisons: usize,
    depth: usize,
}

impl Parser<'_> {
    fn all(&mut self) -> Result<Node<Comparison>, Invalid> {
        let mut nodes = vec![self.any()?];
        while self.scanner.skip_space() && !self.scanner.is_at(")") {
            // Terms that follow one another without it mean the same.
            self.scanner.take_word("AND");
            nodes.push(self.any()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn any(&mut self) -> Result<Node<Comparison>, Invalid> {
        let mut nodes = vec![self.term()?];
        while self.scanner.skip_space() && self.scanner.take_word("OR") {
            nodes.push(self.term()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn term(&mut self) -> Result<Node<Comparison>, Invalid> {
        self.scanner.skip_space();
        if self.scanner.take("-") || self.scanner.take_word("NOT") {
            self.scanner.skip_space();
            return Ok(Node::Not(Box::new(self.simple()?)));
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Node<Comparison>, Invalid> {
        let at = self.scanner.at();
        if !self.scanner.take("(") {
            return self.comparison().map(Node::Compare);
        }
        if self.depth == MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} parentheses in each other");
            return Err(Invalid::new(at, message));
        }
        self.depth += 1;
        let node = self.all()?;
        self.depth -= 1;
        if !self.scanner.take(")") {
            return Err(Invalid::new(at, "expected a `)` that closes this `(`"));
        }
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Comparison, Invalid> {
        let at = self.scanner.at();
        if self.comparisons == MAX_COMPARISONS {
            let message = format!("expected at most {MAX_COMPARISONS} comparisons");
            return Err(Invalid::new(at, message));
        }
        self.comparisons += 1;
        let expected = self.expected("a comparison, as `field = value`");
        let field = self.scanner.take_name();
        if matches!(field, "" | "AND" | "OR" | "NOT") {
            return Err(expected);
        }
        let key = self.scanner.take(".").then(|| self.scanner.take_key()).transpose()?;
        self.scanner.skip_space();
        let Some(operator) = Operator::ALL.into_iter().find(|one| self.scanner.take(one.as_str()))
        else {
            let message = format!("`=`, `!=`, `<`, `<=`, `>`, `>=` or `:` after `{field}`");
            return Err(self.expected(&message));
        };
        self.scanner.skip_space();
        let value_at = self.scanner.at();
        let value = self.scanner.take_value()?;
        Ok(Comparison { at, field: field.to_owned(), key, operator, value, value_at })
    }

    fn expected(&self, what: &str) -> Invalid {
        let found = self.scanner.found();
        Invalid::new(self.scanner.at(), format!("expected {what}; {found}"))
    }
}

fn one_or(
    nodes: Vec<Node<Comparison>>,
    many: impl FnOnce(Vec<Node<Comparison>>) -> Node<Comparison>,
) -> Node<Comparison> {
    match <[_; 1]>::try_from(nodes) {
        Ok([only]) => only,
        Err(nodes) => many(nodes),
    }
}
