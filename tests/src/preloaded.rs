//! What answers for the C library in one process, as a test says.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use crate::scratch::Scratch;

/// A library that a process loads before all others, and a file by which a test tells it
/// what to do.
#[derive(Debug)]
pub(crate) struct Preloaded {
    scratch: Scratch,
    variable: &'static str,
    file: Mutex<File>,
}

impl Preloaded {
    /// Compiles the library, with `cc`. It finds the file's path in the environment's
    /// `variable`, and `first` in the file.
    pub(crate) fn new(source: &str, variable: &'static str, first: &[u8]) -> Result<Self> {
        let scratch = Scratch::new("preloaded")?;
        let path = scratch.join("source.c");
        fs::write(&path, source)?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread", "-o"]);
        compile.arg(scratch.join("library.so")).arg(path);
        let compiled = compile.output().context("cannot run cc")?;
        let words = String::from_utf8_lossy(&compiled.stderr);
        ensure!(compiled.status.success(), "cannot compile what is preloaded: {words}");
        let file = Mutex::new(File::create(scratch.join("told"))?);
        let preloaded = Self { scratch, variable, file };
        preloaded.tell(first)?;
        Ok(preloaded)
    }

    /// The environment of a process that loads it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.scratch.join(name).display().to_string();
        vec![("LD_PRELOAD", path("library.so")), (self.variable, path("told"))]
    }

    /// Puts these bytes at the file's beginning, by one write.
    pub(crate) fn tell(&self, bytes: &[u8]) -> Result<()> {
        let mut file = self.file.lock().expect("nobody has panicked with it");
        file.rewind()?;
        Ok(file.write_all(bytes)?)
    }
}
