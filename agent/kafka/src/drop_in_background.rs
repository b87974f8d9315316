//! librdkafka's clients wait for their threads when they are dropped, which
//! must not hold up the async runtime.

use std::ops::Deref;
use std::thread;

use crate::calls;

/// Drops its value on a thread of its own.
pub(crate) struct DropInBackground<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> DropInBackground<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + 'static> Deref for DropInBackground<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only drop takes the value")
    }
}

impl<T: Send + 'static> Drop for DropInBackground<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        let call = calls::of_clients().begin("ending a client");
        // Without a thread the closure is dropped here, and the value with it.
        let _ = thread::Builder::new().name("kafka client drop".into()).spawn(move || {
            drop(value);
            drop(call);
        });
    }
}
