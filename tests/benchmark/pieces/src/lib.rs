//! The pieces of work that a record and an object cost, and a change and a report of a
//! connector, each as a function that benchmarks call.
//!
//! - [`records`]: batches of records, and putting them into a body.
//! - [`object`]: from a full body to what is put.
//! - [`chain`]: adding a link, and the texts that go with it.
//! - [`Plane`]: a control plane with many connectors, step by step.
//!
//! `benches/time` measures how long they take (Criterion), `benches/instructions`
//! counts their instructions and allocations (Valgrind) and holds them against
//! limits. What goes in is the same on every machine and in every run.

pub mod chain;
pub mod object;
pub mod records;

pub use kafka2oss_control_plane::pieces::Plane;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_control_plane_does_what_is_counted_of_it() {
        let mut plane = Plane::new(50);
        assert_eq!(plane.told(), 10, "every agent has its list");
        plane.reconcile();
        assert_eq!((plane.told(), plane.ready_tasks()), (0, 0), "nothing happens by itself");
        plane.pause_one();
        plane.reconcile();
        assert_eq!(plane.told(), 2, "the agents of the connector");
        plane.take_report();
        assert_eq!(plane.ready_tasks(), 10);
    }
}
