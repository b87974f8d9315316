//! What holds of every expression and every resource.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::{Comparison, Filter, Node, Operator, Order, Pattern, parse};

use super::*;

const KEYS: [&str; 3] = ["env", "a b", "app.io/x"];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("ab".to_owned()), "[ab*\"'\\\\ é]{0,3}"]
}

fn thing() -> impl Strategy<Value = Thing> {
    let key = proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let labels = btree_map(key, word(), 0..3);
    let parts =
        (word(), vec(word(), 0..3), labels, option::of(0..4_u64), option::of(0..4), any::<bool>());
    (parts, 0..3).prop_map(|((name, tags, labels, lag, made, ready), state)| Thing {
        name,
        tags,
        labels,
        lag,
        made,
        ready,
        state,
    })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    (any::<bool>(), word(), any::<bool>())
        .prop_map(|(open_start, text, open_end)| Pattern::open(open_start, text, open_end))
}

fn operator(operators: &'static [Operator]) -> impl Strategy<Value = Operator> {
    proptest::sample::select(operators)
}

const EQUALITY: &[Operator] = &[Operator::Equal, Operator::NotEqual, Operator::Has];

fn comparison(
    field: &'static str,
    key: impl Strategy<Value = Option<&'static str>>,
    operator: impl Strategy<Value = Operator>,
    value: impl Strategy<Value = Pattern>,
) -> impl Strategy<Value = Comparison> {
    (key, operator, value).prop_map(|(key, operator, value)| Comparison {
        at: 0,
        field: field.to_owned(),
        key: key.map(str::to_owned),
        operator,
        value,
        value_at: 0,
    })
}

/// Comparisons that the schema has.
fn right() -> impl Strategy<Value = Comparison> {
    let none = || Just(None);
    let key = || proptest::sample::select(&KEYS[..]);
    let exact = || word().prop_map(Pattern::exact);
    let number = || (0..4_u64).prop_map(|number| Pattern::exact(number.to_string()));
    let time = || (0..4).prop_map(|time| Pattern::exact(format!("1970-01-01T00:00:0{time}Z")));
    let state = proptest::sample::select(&["RUNNING", "STATE_FAILED"][..]);
    prop_oneof![
        comparison("name", none(), operator(EQUALITY), pattern()),
        comparison("name", none(), operator(&Operator::ALL), exact()),
        comparison("tags", none(), operator(EQUALITY), pattern()),
        comparison("labels", none(), Just(Operator::Has), key().prop_map(Pattern::exact)),
        comparison("labels", key().prop_map(Some), operator(EQUALITY), pattern()),
        comparison("labels", key().prop_map(Some), operator(&Operator::ALL), exact()),
        comparison("lag", none(), operator(&Operator::ALL), number()),
        comparison("made", none(), operator(&Operator::ALL), time()),
        comparison(
            "ready",
            none(),
            operator(EQUALITY),
            any::<bool>().prop_map(|value| Pattern::exact(value.to_string()))
        ),
        comparison("state", none(), operator(EQUALITY), state.prop_map(Pattern::exact)),
        comparison("lag", none(), operator(EQUALITY), Just(Pattern::open(true, "", true))),
    ]
}

fn tree() -> impl Strategy<Value = Node<Comparison>> {
    right().prop_map(Node::Compare).prop_recursive(4, 24, 3, |node| {
        prop_oneof![
            node.clone().prop_map(|node| Node::Not(Box::new(node))),
            vec(node.clone(), 2..4).prop_map(Node::All),
            vec(node, 2..4).prop_map(Node::Any),
        ]
    })
}

/// Without the places.
fn placeless(node: Node<Comparison>) -> Node<Comparison> {
    let clear = |comparison| Ok::<_, ()>(Comparison { at: 0, value_at: 0, ..comparison });
    node.try_map(&mut { clear }).expect("no error")
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(tree in tree()) {
        let text = tree.to_string();
        let read = parse(&text).expect(&text).expect("not empty");
        prop_assert_eq!(placeless(read), tree, "{}", text);
    }

    #[test]
    fn a_filter_means_what_its_text_says(tree in tree(), things in vec(thing(), 8)) {
        let text = tree.to_string();
        let filter = filter(&text);
        for thing in things {
            prop_assert_eq!(
                filter.matches(&thing), naive::matches(&tree, &thing), "{} of {:?}", text, thing
            );
        }
    }

    #[test]
    fn no_text_panics_and_places_stand_within_it(
        text in "([a-z]{1,4}|name|lag|AND|OR|NOT|[-()=<>!:.,*\"'\\\\ é]){0,24}"
    ) {
        if let Err(invalid) = Filter::parse(&text, &SCHEMA) {
            prop_assert!(text.is_char_boundary(invalid.at), "{}", invalid);
        }
        if let Err(invalid) = Order::parse(&text, &SCHEMA) {
            prop_assert!(text.is_char_boundary(invalid.at), "{}", invalid);
        }
    }

    #[test]
    fn an_order_is_one_and_keys_stand_where_their_resource_does(
        things in vec(thing(), 3),
        order in proptest::sample::select(&["lag", "name desc, lag", "state,made desc,ready"][..]),
    ) {
        let order = Order::parse(order, &SCHEMA).expect("an order");
        let [a, b, c] = &things[..] else { panic!("three") };
        prop_assert_eq!(order.compare(a, b), order.compare(b, a).reverse());
        if order.compare(a, b).is_le() && order.compare(b, c).is_le() {
            prop_assert!(order.compare(a, c).is_le());
        }
        prop_assert_eq!(order.compare_to(a, &order.keys(b)), order.compare(a, b));
    }
}
