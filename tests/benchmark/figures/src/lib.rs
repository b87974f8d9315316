//! What both benchmark suites measure with and print by: nothing here knows of Kafka,
//! a store or the product.

pub mod cpu;
pub mod machine;
pub mod report;
pub mod resident;
pub mod statistics;
