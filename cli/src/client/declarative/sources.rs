//! Files into resources.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use kafka2oss_manifest::{MAX_BYTES, Resource, read as parse};

use crate::args::FileFlags;
use crate::client::Failure;

/// A resource and where it stands.
#[derive(Debug)]
pub(super) struct Item {
    /// `orders.yaml, document 2, line 14`.
    pub(super) place: String,
    pub(super) resource: Resource,
}

/// What the files say, instances first; else all that is wrong with them.
pub(super) fn read(flags: &FileFlags) -> Result<Vec<Item>, Failure> {
    let mut files = Vec::new();
    for path in &flags.files {
        expand(path, flags.recursive, &mut files)?;
    }
    let (mut items, mut problems) = (Vec::new(), Vec::new());
    for path in files {
        let shown = if path == Path::new("-") { "stdin".to_owned() } else { shown(&path) };
        let text =
            text(&path).map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
        match parse(&text) {
            Ok(manifests) => items.extend(manifests.into_iter().map(|manifest| Item {
                place: format!("{shown}, document {}, line {}", manifest.document, manifest.line),
                resource: manifest.resource,
            })),
            Err(wrong) => problems.extend(wrong.iter().map(|one| format!("{shown}, {one}"))),
        }
    }
    let mut places: HashMap<&str, &str> = HashMap::new();
    for Item { place, resource } in &items {
        if let Some(before) = places.insert(resource.name(), place) {
            problems.push(format!("{place}: {} stands in {before}, too", resource.name()));
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Usage(problems.join("\n")));
    }
    if items.is_empty() {
        return Err(Failure::Usage("there is no document in the files".to_owned()));
    }
    // Stable: those of a kind stay in the order of the files.
    items.sort_by_key(|item| item.resource.kind());
    Ok(items)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The files that a path means, those of a folder in the order of their names.
fn expand(path: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path == Path::new("-") {
        if files.iter().any(|file| file == path) {
            return Err(Failure::Usage("stdin can be read once only".to_owned()));
        }
        files.push(path.to_owned());
        return Ok(());
    }
    let failed = |error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let within = entry.path();
        // Links to files are followed, those to folders are not: they may lead in a circle.
        if entry.file_type().map_err(failed)?.is_dir() {
            if recursive {
                expand(&within, recursive, files)?;
            }
        } else if is_manifest(&within) && within.is_file() {
            files.push(within);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|one| ending == *one))
}

/// At most one byte more than is taken.
fn text(path: &Path) -> io::Result<String> {
    let limit = MAX_BYTES as u64 + 1;
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(limit).read_to_string(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: &str, name: &str) -> String {
        format!("apiVersion: kafka2oss.v1\nkind: {kind}\nname: {name}\n")
    }

    fn read_folder(files: &[(&str, &str)], recursive: bool) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let flags = FileFlags { files: vec![folder.path().to_owned()], recursive };
        let base = format!("{}/", folder.path().display());
        match read(&flags) {
            Ok(items) => Ok(items
                .iter()
                .map(|Item { place, resource }| {
                    format!("{} {}", place.replace(&base, ""), resource.name())
                })
                .collect()),
            Err(failure) => {
                assert_eq!(failure.exit_status(), 2);
                Err(failure.to_string().replace(&base, ""))
            }
        }
    }

    #[test]
    fn a_folder_is_its_manifests_and_instances_come_first() {
        let two = format!(
            "{}---\n{}",
            document("Connector", "instances/a/connectors/y"),
            document("Instance", "instances/a")
        );
        let files = [
            ("b.yaml", &*two),
            ("a.yml", &document("Connector", "instances/a/connectors/x")),
            (".hidden.yaml", "a: ["),
            ("notes.txt", "a: ["),
            (
                "within/c.json",
                "{\"apiVersion\": \"kafka2oss.v1\", \"kind\": \"Instance\", \"name\": \"instances/c\"}",
            ),
        ];
        let here = [
            "b.yaml, document 2, line 5 instances/a",
            "a.yml, document 1, line 1 instances/a/connectors/x",
            "b.yaml, document 1, line 1 instances/a/connectors/y",
        ];
        assert_eq!(read_folder(&files, false).expect("it is read"), here);
        let all = read_folder(&files, true).expect("it is read");
        assert_eq!(all[1], "within/c.json, document 1, line 1 instances/c");
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn all_that_is_wrong_in_all_files_is_told_at_once() {
        let name = document("Instance", "instances/a");
        let files = [
            ("a.yaml", &*name),
            ("b.yaml", &*format!("---\n{name}")),
            ("c.yaml", "kind: Topic"),
            ("d.yaml", "a: ["),
        ];
        let told = read_folder(&files, false).expect_err("refused");
        let lines: Vec<_> = told.lines().collect();
        assert!(
            lines[0].starts_with("c.yaml, document 1, line 1: apiVersion: is missing"),
            "{told}"
        );
        assert!(lines[2].starts_with("d.yaml, document 1, line 1: "), "{told}");
        assert_eq!(
            lines[3],
            "b.yaml, document 1, line 2: instances/a stands in a.yaml, document 1, line 1, too"
        );
    }

    #[test]
    fn a_folder_without_a_document_is_refused() {
        let told = read_folder(&[("a.yaml", "# nothing\n")], false).expect_err("refused");
        assert_eq!(told, "there is no document in the files");
    }
}
