//! One writer an instance: a producer has threads, connections and memory of its
//! own, and takes half a second until it may write.

use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};

use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::Instance;
use tokio::sync::Mutex;

use super::writer::InternalTopics;
use crate::producer::Written;

/// The writers of a process, each shared by all who write to the same instance in
/// the same way, and gone with the last of them.
#[derive(Debug, Clone, Default)]
pub struct InternalTopicWriters(Arc<StdMutex<Vec<Weak<InternalTopicWriter>>>>);

impl InternalTopicWriters {
    /// The writer for this instance. Nothing is connected yet.
    pub fn of(&self, instance: &Instance) -> Arc<InternalTopicWriter> {
        let mut writers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|writer| writer.strong_count() > 0);
        let same = |writer: &Arc<InternalTopicWriter>| writer.instance == *instance;
        if let Some(writer) = writers.iter().filter_map(Weak::upgrade).find(same) {
            return writer;
        }
        let writer = Arc::new(InternalTopicWriter {
            instance: instance.clone(),
            connected: Mutex::new(None),
        });
        writers.push(Arc::downgrade(&writer));
        writer
    }
}

/// Writes to one instance's internal topics, over a connection that is made when it
/// is needed, and made anew, with the secrets of the moment, after a failure.
#[derive(Debug)]
pub struct InternalTopicWriter {
    instance: Instance,
    connected: Mutex<Option<Arc<InternalTopics>>>,
}

impl InternalTopicWriter {
    /// Begins to connect, so that the first write need not wait for that.
    ///
    /// # Errors
    /// As [`InternalTopics::connect`].
    pub async fn prepare(&self) -> Result<(), Problem> {
        self.connected().await.map(drop)
    }

    /// As [`InternalTopics::write`].
    ///
    /// # Errors
    /// As [`InternalTopics::write`] and [`InternalTopics::connect`].
    pub async fn write(
        &self,
        topic: &str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<Written, Problem> {
        let topics = self.connected().await?;
        let written = topics.write(topic, key, value).await;
        if written.is_err() {
            let mut connected = self.connected.lock().await;
            // Another one may have replaced it by now.
            connected.take_if(|current| Arc::ptr_eq(current, &topics));
        }
        written
    }

    async fn connected(&self) -> Result<Arc<InternalTopics>, Problem> {
        let mut connected = self.connected.lock().await;
        if let Some(topics) = &*connected {
            return Ok(Arc::clone(topics));
        }
        let topics = Arc::new(InternalTopics::connect(&self.instance).await?);
        Ok(Arc::clone(connected.insert(topics)))
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::spec::{KafkaSecurity, Pool, Sasl, SaslMechanism, SecretSource};

    use super::*;

    fn instance(password: &str) -> Instance {
        let secret = |name: &str| SecretSource::Environment(name.to_owned());
        let sasl = Sasl {
            mechanism: SaslMechanism::Plain,
            username: secret("USER"),
            password: secret(password),
        };
        Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec!["127.0.0.1:9092".into()],
            security: KafkaSecurity { tls: false, ca_certificate: None, sasl: Some(sasl) },
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        }
    }

    #[test]
    fn who_writes_to_the_same_instance_in_the_same_way_shares_a_writer() {
        let writers = InternalTopicWriters::default();
        let one = writers.of(&instance("PASSWORD"));
        assert!(Arc::ptr_eq(&one, &writers.clone().of(&instance("PASSWORD"))));
        assert!(!Arc::ptr_eq(&one, &writers.of(&instance("OTHER"))));
    }

    #[test]
    fn a_writer_is_gone_with_the_last_who_uses_it() {
        let writers = InternalTopicWriters::default();
        let (one, other) = (writers.of(&instance("A")), writers.of(&instance("A")));
        drop(one);
        let weak = Arc::downgrade(&other);
        drop(other);
        assert!(weak.upgrade().is_none());
        let _another = writers.of(&instance("B"));
        assert_eq!(writers.0.lock().expect("nobody has panicked").len(), 1);
    }
}
