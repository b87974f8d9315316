//! Threads of one process that stand still for as long as a test wants.

use anyhow::{Result, ensure};

use crate::preloaded::Preloaded;

const SOURCE: &str = include_str!("../threads/held.c");

/// What the kernel keeps of a thread's name, with the zero behind it.
const NAME: usize = 16;

/// Holds threads by their name where they call librdkafka: for a process that starts with
/// [`HeldThreads::environment`].
#[derive(Debug)]
pub struct HeldThreads(Preloaded);

impl HeldThreads {
    /// Holds none. Compiles what holds them, with `cc`.
    pub fn new() -> Result<Self> {
        Ok(Self(Preloaded::new(SOURCE, "HELD_THREADS", &[0; NAME])?))
    }

    /// The environment of a process whose threads can be held.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.0.environment()
    }

    /// Has all threads of this name stand still at their next call of librdkafka.
    pub fn hold(&self, name: &str) -> Result<()> {
        ensure!(!name.is_empty(), "threads without a name");
        let mut told = [0; NAME];
        // The kernel cuts a name that is longer.
        for (told, byte) in told.iter_mut().take(NAME - 1).zip(name.bytes()) {
            *told = byte;
        }
        self.0.tell(&told)
    }

    /// Lets all go on.
    pub fn release(&self) -> Result<()> {
        self.0.tell(&[0; NAME])
    }
}
