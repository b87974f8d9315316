//! The commands that documents name are commands of this program.

use std::path::Path;

use clap::Parser;

use super::Cli;

/// The commands of this program in blocks of shell, with lines that end in `\` joined, and
/// without what is the shell's own.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut is_shell = false;
    let mut open = String::new();
    for line in page.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            is_shell = !is_shell && matches!(language, "sh" | "console");
            continue;
        }
        open.push_str(line.trim_start_matches("$ "));
        if open.ends_with('\\') {
            open.pop();
            continue;
        }
        let line = std::mem::take(&mut open);
        if !is_shell || !line.starts_with("kafka2oss ") {
            continue;
        }
        let words = shlex::split(&line).expect("quotes are closed");
        let is_shells =
            |word: &String| ["|", ">", "<", "<<", "<<<", "&", "&&", ";"].contains(&&**word);
        commands.push(words.into_iter().take_while(|word| !is_shells(word)).collect());
    }
    commands
}

#[test]
fn every_command_that_documents_name_can_be_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    let docs = std::fs::read_dir(root.join("docs")).expect("there are documents");
    pages.extend(docs.map(|entry| entry.expect("an entry").path()));
    let mut count = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = std::fs::read_to_string(page).expect("it is read");
        for words in commands(&text) {
            if let Err(refused) = Cli::try_parse_from(&words) {
                assert!(!refused.use_stderr(), "{}: {words:?}: {refused}", page.display());
            }
            count += 1;
        }
    }
    assert!(count > 20, "{count} commands");
}

#[test]
fn commands_are_found_in_blocks_of_shell() {
    let page =
        "```sh\nkafka2oss a \\\n  'b c' <<< d\nls\n```\nkafka2oss x\n```\nkafka2oss y\n```\n";
    assert_eq!(commands(page), [["kafka2oss", "a", "b c"]]);
}
