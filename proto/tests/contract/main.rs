//! What the .proto files promise to those who read them and generate from them.

mod annotations;
mod reference;
