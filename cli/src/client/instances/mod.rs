//! `kafka2oss instances`.

mod flags;
mod show;

use kafka2oss_proto::v1;

use super::selection::quoted;
use super::{Client, Failure, Selection, names};
use crate::args::{InstancesArgs, InstancesCommand};
pub(super) use flags::KafkaSecrets;
use flags::{changes, message};
pub(super) use show::properties;
use show::{list, show};

/// Runs one command.
pub(crate) async fn run(args: InstancesArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        InstancesCommand::Create(create) => {
            let validate_only = create.validate_only;
            let request = client.request(v1::CreateInstanceRequest {
                instance_id: create.id.clone(),
                validate_only,
                request_id: create.repeat.clone().id(),
                instance: Some(message(*create)),
            });
            let instance = client.instances().create_instance(request).await?.into_inner();
            if client.is_json() {
                return client.print_json(&instance);
            }
            let what = if validate_only { "is valid; nothing was created" } else { "registered" };
            Ok(client.out.line(format_args!("{} {what}", instance.name))?)
        }
        InstancesCommand::Get { name } => {
            let request = client
                .request(v1::GetInstanceRequest { name: names::instance(&name)?.to_string() });
            let instance = client.instances().get_instance(request).await?.into_inner();
            show(&client, &instance)
        }
        InstancesCommand::List { region, list: flags } => {
            let region = region.map(|region| format!("region_id = {}", quoted(&region)));
            list(&client, &Selection::new(flags, region.as_slice())).await
        }
        InstancesCommand::Update(update) => {
            let request = changes(*update)?;
            let what = match request.validate_only {
                true => "is valid; nothing was changed".to_owned(),
                false => {
                    let paths = request.update_mask.iter().flat_map(|mask| mask.paths.clone());
                    format!("updated: {}", paths.collect::<Vec<_>>().join(", "))
                }
            };
            let request = client.request(request);
            let instance = client.instances().update_instance(request).await?.into_inner();
            if client.is_json() {
                return client.print_json(&instance);
            }
            Ok(client.out.line(format_args!("{} {what}", instance.name))?)
        }
        InstancesCommand::Delete { name, etag, repeat } => {
            let name = names::instance(&name)?.to_string();
            let request = client.request(v1::DeleteInstanceRequest {
                name: name.clone(),
                etag: etag.unwrap_or_default(),
                request_id: repeat.id(),
            });
            client.instances().delete_instance(request).await?;
            if client.is_json() {
                Ok(())
            } else {
                Ok(client.out.line(format_args!("{name} deleted"))?)
            }
        }
    }
}
