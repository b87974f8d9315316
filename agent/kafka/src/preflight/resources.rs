//! The topics that the connector needs beside its source: right, or to be created.

use futures::future::join_all;
use kafka2oss_domain::preflight::{Check, Finding};
use kafka2oss_domain::spec::ResourceCreation;
use kafka2oss_proto::v1::PlannedResource;

use super::{Run, judge, rights};
use crate::admin::TopicDescription;
use crate::plan::{self, Kind};

impl Run<'_> {
    pub(super) async fn resources(&self, source: Option<&TopicDescription>) {
        let topics =
            self.input.resources.iter().filter(|resource| plan::kind(resource) != Kind::Group);
        join_all(topics.map(|resource| self.resource(resource, source))).await;
    }

    async fn resource(&self, resource: &PlannedResource, source: Option<&TopicDescription>) {
        let (name, kind) = (&resource.name, plan::kind(resource));
        let check = match kind {
            Kind::Error => Check::KafkaErrorTopic,
            Kind::Internal | Kind::Group => Check::KafkaInternalTopic,
        };
        let what = format!("cannot describe topic `{name}`");
        match self.within(&what, self.admin.describe_topic(name)).await {
            Ok(Some(found)) => {
                let findings = plan::check(resource, &found, source);
                self.tell(judge::resource(check, name, &found, findings)).await;
                let what = format!("cannot tell what is allowed on topic `{name}`");
                let allowed = self.within(&what, self.admin.allowed_on_topic(name)).await;
                self.tell_all(rights::of_resource(kind, name, &allowed)).await;
            }
            Ok(None) => {
                self.tell(self.missing(check, resource, source).await).await;
                self.tell_all(rights::of_none(kind, name, "the topic does not exist")).await;
            }
            Err(problem) => {
                self.tell(Finding::fail(check, name, problem)).await;
                self.tell_all(rights::of_none(kind, name, "the topic is not known")).await;
            }
        }
    }

    /// Of one that does not exist: whether it would be created.
    async fn missing(
        &self,
        check: Check,
        resource: &PlannedResource,
        source: Option<&TopicDescription>,
    ) -> Finding {
        let name = &resource.name;
        let source = match (self.input.creation, source) {
            (ResourceCreation::Manually, _) => {
                return Finding::fail(check, name, plan::missing(resource, None));
            }
            (ResourceCreation::Automatically, None) => {
                let why = "it does not exist, and its settings follow from the source topic";
                return Finding::skipped(check, name, why);
            }
            (ResourceCreation::Automatically, Some(source)) => source,
        };
        let what = format!("cannot tell whether topic `{name}` could be created");
        let trial = plan::topic_plan(resource, source);
        let outcome = self.within(&what, self.admin.try_create_topic(&trial)).await;
        judge::creation(check, resource, outcome)
    }
}
