//! From a tree to a filter: each comparison is one that its field has.

use crate::evaluate::{Operand, Relation, Test};
use crate::schema::{Enumeration, Field, Kind};
use crate::{Comparison, Invalid, Operator, Pattern, Schema};

/// The test that a comparison is.
pub(crate) fn check<F: Copy>(
    comparison: Comparison,
    schema: &Schema<F>,
) -> Result<Test<F>, Invalid> {
    let Comparison { at, field: name, key, operator, value, value_at } = comparison;
    let field = schema.field(&name, at)?;
    let (kind, id) = match (field.kind, key) {
        (Kind::Map, Some(key)) => {
            let operand = text(value, operator, value_at)?;
            return Ok(Test::Entry { field: field.id, key, relation: relation(operator), operand });
        }
        (Kind::Map, None) => return has_key(field, operator, &value, at, value_at),
        (kind, Some(_)) => {
            let message = format!("`{name}` is {} and has no keys", kind.noun());
            return Err(Invalid::new(at, message));
        }
        (kind, None) => (kind, field.id),
    };
    let is_ordered = matches!(kind, Kind::Text | Kind::Number | Kind::Time);
    if !is_ordered && !is_equality(operator) {
        let (noun, sign) = (kind.noun(), operator.as_str());
        let message =
            format!("`{name}` is {noun}, of which none is `{sign}` another: use `=` or `!=`");
        return Err(Invalid::new(at, message));
    }
    let operand = if value.is_anything() && is_equality(operator) {
        Operand::Anything
    } else {
        operand(kind, value, operator, value_at)?
    };
    Ok(Test::Values { field: id, relation: relation(operator), operand })
}

fn is_equality(operator: Operator) -> bool {
    matches!(operator, Operator::Equal | Operator::NotEqual | Operator::Has)
}

fn relation(operator: Operator) -> Relation {
    match operator {
        Operator::Equal | Operator::Has => Relation::Equal,
        Operator::NotEqual => Relation::NotEqual,
        Operator::Less => Relation::Less,
        Operator::LessOrEqual => Relation::LessOrEqual,
        Operator::Greater => Relation::Greater,
        Operator::GreaterOrEqual => Relation::GreaterOrEqual,
    }
}

fn has_key<F: Copy>(
    field: &Field<F>,
    operator: Operator,
    value: &Pattern,
    at: usize,
    value_at: usize,
) -> Result<Test<F>, Invalid> {
    let name = field.name;
    if operator != Operator::Has {
        let message = format!(
            "`{name}` is a map: use `{name}.KEY {} ...` for a value, or `{name}:KEY`",
            operator.as_str()
        );
        return Err(Invalid::new(at, message));
    }
    match value.as_exact() {
        Some(key) => {
            let (key, relation) = (key.to_owned(), Relation::Equal);
            Ok(Test::Entry { field: field.id, key, relation, operand: Operand::Anything })
        }
        None => Err(Invalid::new(value_at, "expected a whole key, without `*`")),
    }
}

fn operand(kind: Kind, value: Pattern, operator: Operator, at: usize) -> Result<Operand, Invalid> {
    let expected = |what: &str| Invalid::new(at, format!("expected {what}; found {value}"));
    let exact = value.as_exact();
    match kind {
        Kind::Text | Kind::Texts | Kind::Map => text(value, operator, at),
        Kind::Number => exact
            .and_then(|text| text.parse().ok())
            .map(Operand::Number)
            .ok_or_else(|| expected("a whole number")),
        Kind::Time => exact
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .map(|time| Operand::Time(time.as_nanosecond()))
            .ok_or_else(|| {
                expected("a time with its offset (RFC 3339), for example 2026-01-31T23:00:00Z")
            }),
        Kind::Boolean => exact
            .and_then(|text| text.parse().ok())
            .map(Operand::Boolean)
            .ok_or_else(|| expected("true or false")),
        Kind::Enumeration(enumeration) => exact
            .and_then(|text| enumeration.read(text))
            .map(Operand::Enumeration)
            .ok_or_else(|| expected(&one_of(enumeration))),
    }
}

fn one_of(enumeration: &Enumeration) -> String {
    let names: Vec<_> = enumeration.names().collect();
    format!("one of {}", names.join(", "))
}

fn text(value: Pattern, operator: Operator, at: usize) -> Result<Operand, Invalid> {
    if value.is_anything() && is_equality(operator) {
        return Ok(Operand::Anything);
    }
    if value.as_exact().is_none() && !is_equality(operator) {
        let message = format!("expected a value without `*` after `{}`", operator.as_str());
        return Err(Invalid::new(at, message));
    }
    Ok(Operand::Text(value))
}
