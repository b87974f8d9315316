//! What an expression says, before anything is known about its fields.

use std::fmt;

use crate::Pattern;

/// An expression over comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<C> {
    /// One comparison.
    Compare(C),
    /// What does not hold.
    Not(Box<Node<C>>),
    /// All of them hold; two at least.
    All(Vec<Node<C>>),
    /// One of them holds; two at least.
    Any(Vec<Node<C>>),
}

impl<C> Node<C> {
    /// The same over what `check` makes of the comparisons, or the first error.
    pub(crate) fn try_map<D, E>(
        self,
        check: &mut impl FnMut(C) -> Result<D, E>,
    ) -> Result<Node<D>, E> {
        let mut each = |nodes: Vec<Node<C>>| {
            nodes.into_iter().map(|node| node.try_map(check)).collect::<Result<Vec<_>, E>>()
        };
        Ok(match self {
            Self::All(nodes) => Node::All(each(nodes)?),
            Self::Any(nodes) => Node::Any(each(nodes)?),
            Self::Not(node) => Node::Not(Box::new(node.try_map(check)?)),
            Self::Compare(comparison) => Node::Compare(check(comparison)?),
        })
    }

    /// Whether it holds where `holds` says which comparisons do.
    pub(crate) fn holds(&self, holds: &impl Fn(&C) -> bool) -> bool {
        match self {
            Self::Compare(comparison) => holds(comparison),
            Self::Not(node) => !node.holds(holds),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(holds)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(holds)),
        }
    }
}

/// A field compared with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Where it begins, in bytes.
    pub at: usize,
    /// The field's name.
    pub field: String,
    /// The key of a map, after a dot.
    pub key: Option<String>,
    /// How they are compared.
    pub operator: Operator,
    /// What the field is compared with.
    pub value: Pattern,
    /// Where the value begins, in bytes.
    pub value_at: usize,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:`
    Has,
}

impl Operator {
    /// All of them; one that another one begins with stands after it.
    pub const ALL: [Self; 7] = [
        Self::NotEqual,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Equal,
        Self::Less,
        Self::Greater,
        Self::Has,
    ];

    /// As a filter has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => ":",
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(key) = &self.key {
            write!(f, ".{}", Pattern::exact(key.as_str()))?;
        }
        write!(f, " {} {}", self.operator.as_str(), self.value)
    }
}

/// As a text that is read as the same tree.
impl<C: fmt::Display> fmt::Display for Node<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(comparison) => write!(f, "{comparison}"),
            Self::Not(node) => {
                f.write_str("NOT ")?;
                write_part(f, node, matches!(**node, Self::Compare(_)))
            }
            Self::All(nodes) => {
                write_joined(f, nodes, " AND ", |node| !matches!(node, Self::All(_)))
            }
            Self::Any(nodes) => write_joined(f, nodes, " OR ", |node| {
                matches!(node, Self::Compare(_) | Self::Not(_))
            }),
        }
    }
}

fn write_joined<C: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    nodes: &[Node<C>],
    between: &str,
    is_bare: impl Fn(&Node<C>) -> bool,
) -> fmt::Result {
    for (number, node) in nodes.iter().enumerate() {
        if number > 0 {
            f.write_str(between)?;
        }
        write_part(f, node, is_bare(node))?;
    }
    Ok(())
}

fn write_part<C: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    node: &Node<C>,
    is_bare: bool,
) -> fmt::Result {
    if is_bare { write!(f, "{node}") } else { write!(f, "({node})") }
}
