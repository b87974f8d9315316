//! One connection of a kind to each instance, shared by all who use it: a client of
//! librdkafka's has threads, connections and memory of its own, and costs processor
//! time also where it has nothing to do.

use std::future::Future;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use tokio::sync::Mutex;

/// What is connected to an instance.
pub trait Connect: Sized + Send + Sync {
    /// A connection of its own, with the instance's secrets resolved anew.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take.
    fn connect(instance: &Instance) -> impl Future<Output = Result<Self, Problem>> + Send;
}

/// The connections of a process, each shared by all who talk to the same instance in
/// the same way, and gone with the last of them.
#[derive(Debug)]
pub struct PerInstance<T>(Arc<StdMutex<Vec<Weak<Shared<T>>>>>);

impl<T> Clone for PerInstance<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for PerInstance<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> PerInstance<T> {
    /// The connection to this instance. It is not made yet.
    pub fn of(&self, instance: &Instance) -> Arc<Shared<T>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|shared| shared.strong_count() > 0);
        let same = |shared: &Arc<Shared<T>>| shared.instance == *instance;
        if let Some(shared) = all.iter().filter_map(Weak::upgrade).find(same) {
            return shared;
        }
        let shared = Arc::new(Shared { instance: instance.clone(), connected: Mutex::new(None) });
        all.push(Arc::downgrade(&shared));
        shared
    }
}

/// A connection to one instance: made when it is needed, and anew after a failure.
#[derive(Debug)]
pub struct Shared<T> {
    instance: Instance,
    connected: Mutex<Option<Arc<T>>>,
}

impl<T: Connect> Shared<T> {
    /// Does something over the connection; after its failure the next one is made
    /// anew, with the secrets of then.
    ///
    /// # Errors
    /// What `act` returns, or as [`Connect::connect`].
    pub async fn with<R, Acting>(&self, act: impl FnOnce(Arc<T>) -> Acting) -> Result<R, Problem>
    where
        Acting: Future<Output = Result<R, Problem>>,
    {
        let connection = self.connected().await?;
        let outcome = act(Arc::clone(&connection)).await;
        if outcome.is_err() {
            self.failed(&connection).await;
        }
        outcome
    }

    /// The connection as it is now; made where there is none.
    ///
    /// # Errors
    /// As [`Connect::connect`].
    pub async fn connected(&self) -> Result<Arc<T>, Problem> {
        let mut connected = self.connected.lock().await;
        if let Some(connection) = &*connected {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(T::connect(&self.instance).await?);
        Ok(Arc::clone(connected.insert(connection)))
    }

    async fn failed(&self, connection: &Arc<T>) {
        // Somebody else may have replaced it by now.
        self.connected.lock().await.take_if(|current| Arc::ptr_eq(current, connection));
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::spec::{KafkaSecurity, PasswordMechanism, Pool, Sasl, SecretSource};

    use super::*;

    /// Nothing that is connected.
    struct Nothing;

    impl Connect for Nothing {
        async fn connect(_: &Instance) -> Result<Self, Problem> {
            Ok(Self)
        }
    }

    fn instance(password: &str) -> Instance {
        let secret = |name: &str| SecretSource::Environment(name.to_owned());
        let sasl = Sasl::Password {
            mechanism: PasswordMechanism::Plain,
            username: secret("USER"),
            password: secret(password),
        };
        Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec!["127.0.0.1:9092".into()],
            security: KafkaSecurity { sasl: Some(sasl), ..KafkaSecurity::default() },
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        }
    }

    #[test]
    fn who_talks_to_the_same_instance_in_the_same_way_shares_a_connection() {
        let all = PerInstance::<Nothing>::default();
        let one = all.of(&instance("PASSWORD"));
        assert!(Arc::ptr_eq(&one, &all.clone().of(&instance("PASSWORD"))));
        assert!(!Arc::ptr_eq(&one, &all.of(&instance("OTHER"))));
    }

    #[test]
    fn a_connection_is_gone_with_the_last_who_uses_it() {
        let all = PerInstance::<Nothing>::default();
        let (one, other) = (all.of(&instance("A")), all.of(&instance("A")));
        drop(one);
        let weak = Arc::downgrade(&other);
        drop(other);
        assert!(weak.upgrade().is_none());
        let _another = all.of(&instance("B"));
        assert_eq!(all.0.lock().expect("nobody has panicked").len(), 1);
    }

    #[tokio::test]
    async fn a_connection_is_made_once_and_anew_after_its_failure() {
        let shared = PerInstance::<Nothing>::default().of(&instance("A"));
        let first = shared.connected().await.expect("it connects");
        assert!(Arc::ptr_eq(&first, &shared.connected().await.expect("it is there")));
        shared.failed(&first).await;
        let second = shared.connected().await.expect("it connects anew");
        assert!(!Arc::ptr_eq(&first, &second));
        shared.failed(&first).await;
        let third = shared.connected().await.expect("it is there");
        assert!(Arc::ptr_eq(&second, &third), "the failure of the first is no news");
    }
}
