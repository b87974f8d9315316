//! A search, and what it says.

use std::collections::BTreeSet;
use std::time::Instant;

use kafka2oss_model::{Action, Bounds, ChainModel, Rule, State};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

/// Searches everything within the bounds: every property holds, and what is to
/// be seen is seen. `at_least` is the number of different states below which the
/// search cannot have been one.
pub(crate) fn holds(name: &str, bounds: Bounds, at_least: usize) {
    let begun = Instant::now();
    let model = ChainModel::new(bounds);
    let properties = model.properties();
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (states, unique) = (checker.state_count(), checker.unique_state_count());
    eprintln!(
        "{name}: {states} states, {unique} of them unique, depth {}, {:.1} s",
        checker.max_depth(),
        begun.elapsed().as_secs_f64()
    );
    let found = checker.discoveries();
    for property in properties {
        match (property.expectation, found.get(property.name)) {
            (Expectation::Sometimes, path) => {
                assert!(path.is_some(), "{name}: never seen: {}", property.name);
            }
            (_, Some(path)) => panic!("{name}: not so: {}\n{}", property.name, show(path)),
            (_, None) => {}
        }
    }
    assert!(unique >= at_least, "{name}: only {unique} states");
}

/// Searches everything within the bounds: data is neither lost nor doubled nor taken
/// for another's, but a fresh owner may find that it cannot tell where to go on.
pub(crate) fn harms_nothing(name: &str, bounds: Bounds, at_least: usize) {
    let model = ChainModel::new(bounds);
    let any = HasDiscoveries::AnyOf(BTreeSet::from(ChainModel::SAFETY));
    let checker = model.checker().finish_when(any).spawn_bfs().join();
    let (unique, found) = (checker.unique_state_count(), checker.discoveries());
    eprintln!("{name}: {unique} unique states");
    for harm in ChainModel::SAFETY {
        assert!(!found.contains_key(harm), "{name}: {harm}\n{}", show(&found[harm]));
    }
    assert!(found.contains_key("a fresh owner finishes"), "{name}: every owner goes on");
    assert!(unique >= at_least, "{name}: only {unique} states");
}

/// The bounds are safe with every rule, and data is lost, doubled or taken for
/// another's without this one.
pub(crate) fn needs(rule: Rule, bounds: Bounds) {
    assert!(shortest(bounds).is_none(), "data is harmed with every rule in place");
    let begun = Instant::now();
    let (harm, path) = shortest(Bounds { without: Some(rule), ..bounds })
        .unwrap_or_else(|| panic!("nothing goes wrong without {rule:?}"));
    eprintln!(
        "without {rule:?}: a counterexample of {} steps ({harm}), {:.1} s\n{}",
        steps(&path),
        begun.elapsed().as_secs_f64(),
        show(&path)
    );
}

/// A shortest path to harm.
fn shortest(bounds: Bounds) -> Option<(&'static str, Path<State, Action>)> {
    let mut found = None;
    while let Some(shorter) = harm(bounds, found.as_ref().map(|(_, path)| steps(path))) {
        found = Some(shorter);
    }
    found
}

/// A path to harm of fewer steps than this.
fn harm(bounds: Bounds, below: Option<usize>) -> Option<(&'static str, Path<State, Action>)> {
    let safety = BTreeSet::from(ChainModel::SAFETY);
    let any = HasDiscoveries::AnyOf(safety.clone());
    let mut checker = ChainModel::new(bounds).checker().finish_when(any);
    if let Some(below) = below {
        // Depth counts states, and those at the greatest are not looked at.
        checker = checker.target_max_depth(below + 1);
    }
    let found = checker.spawn_bfs().join().discoveries();
    let harm = found.into_iter().filter(|(name, _)| safety.contains(name));
    harm.min_by_key(|(name, path)| (steps(path), *name))
}

fn steps(path: &Path<State, Action>) -> usize {
    path.clone().into_actions().len()
}

fn show(path: &Path<State, Action>) -> String {
    let actions = path.clone().into_actions();
    actions.iter().map(|action| format!("  {action:?}\n")).collect()
}
