//! What the age of a protocol makes different for all roles, whatever crosses the wire.
// rsync: compat.c setup_protocol(); generator.c generate_files()

use options::{Append, DeleteWhen, Options};
use tree::order::ListOrder;
use wire::{Protocol, Side};

/// What all roles do as the protocol has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Era {
    /// What lists are sorted by, as the other side does it too.
    pub order: ListOrder,
    pub itemizing: Itemizing,
    /// What the client sends comes in frames too, so that messages may be among it.
    // rsync: main.c client_run(), start_server(), need_messages_from_generator
    pub frames_both_ways: bool,
}

/// Who tells what becomes of an entry of which no content is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Itemizing {
    /// Items: here, or by way of the other side, which tells its own user too.
    #[default]
    Items,
    /// The protocol has no items. The generator tells its own user.
    Own,
    /// The protocol has no items. The generator tells names, whoever its user is.
    Names,
}

impl Era {
    /// What a protocol makes of a session with these options, on a side that sends or not.
    pub fn of(protocol: Protocol, side: Side, sends: bool, options: &Options) -> Era {
        let is_pull = sends == (side == Side::Server);
        Era {
            order: if protocol.sorts_whole_names() {
                ListOrder::WholeNames
            } else {
                ListOrder::FilesFirst
            },
            itemizing: if protocol.has_items() {
                Itemizing::Items
            } else if side == Side::Client && options.itemize() > 0 {
                Itemizing::Own
            } else {
                Itemizing::Names
            },
            frames_both_ways: protocol.frames_both_ways()
                || (is_pull && options.remove_source_files.is_some()),
        }
    }
}

/// Gives options the meaning that they have in a protocol.
pub(crate) fn settle(options: &mut Options, protocol: Protocol) {
    options.allow_inc_recurse = protocol.is_incremental();
    if protocol.is_packed() {
        return;
    }
    if options.append == Append::Append {
        options.append = Append::AppendVerify;
    }
    if options.delete.is_some() && options.as_given.deletes_at_any_moment() {
        options.delete = Some(DeleteWhen::Before);
    }
}

/// Why a session with these options is not possible in a protocol, in rsync's words.
pub(crate) fn refusal(options: &Options, protocol: Protocol) -> Option<String> {
    let needs = |what: &str, version: u8| {
        Some(format!(
            "{what} protocol {version} or higher (negotiated {protocol})."
        ))
    };
    if !protocol.is_packed() && options.preserve_acls {
        return needs("--acls requires", 30);
    }
    if !protocol.is_packed() && options.preserve_xattrs > 0 {
        return needs("--xattrs requires", 30);
    }
    if protocol.has_items() {
        return None;
    }
    if options.fuzzy > 0 {
        return needs("--fuzzy requires", 29);
    }
    if let Some(alt) = &options.alt_dest {
        let option = alt.kind.option();
        if options.inplace {
            return needs(&format!("{option} with --inplace requires"), 29);
        }
        if alt.dirs.len() > 1 {
            return needs(&format!("Using more than one {option} option requires"), 29);
        }
    }
    match options.prune_empty_dirs {
        true => needs("--prune-empty-dirs requires", 29),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl FnOnce(&mut Options)) -> Options {
        let mut options = Options::default();
        change(&mut options);
        options
    }

    fn protocol(version: u8) -> Protocol {
        Protocol::new(version).unwrap()
    }

    #[test]
    fn a_deletion_without_a_time_comes_first_before_protocol_30() {
        for (version, given, when) in [
            (29, "--delete", DeleteWhen::Before),
            (29, "--delete-during", DeleteWhen::During),
            (30, "--delete", DeleteWhen::During),
        ] {
            let line = ["-r", given, "from", "to"].map(std::ffi::OsString::from);
            let Ok(options::Request::Sync(mut options)) = options::parse(line) else {
                panic!("{given} is an option");
            };
            settle(&mut options, protocol(version));
            assert_eq!(options.delete, Some(when), "{version} {given}");
        }
    }

    #[test]
    fn what_is_appended_to_is_verified_before_protocol_30() {
        for (version, append) in [(29, Append::AppendVerify), (30, Append::Append)] {
            let mut options = options(|o| o.append = Append::Append);
            settle(&mut options, protocol(version));
            assert_eq!(options.append, append, "{version}");
        }
    }

    #[test]
    fn directories_are_pruned_from_protocol_29_on() {
        let options = options(|o| o.prune_empty_dirs = true);
        assert_eq!(refusal(&options, protocol(29)), None);
        let text = "--prune-empty-dirs requires protocol 29 or higher (negotiated 28).";
        assert_eq!(refusal(&options, protocol(28)).as_deref(), Some(text));
        assert_eq!(refusal(&Options::default(), protocol(27)), None);
    }

    #[test]
    fn other_directories_and_similar_files_need_protocol_29() {
        let alt = |kind, dirs: usize| options::AltDest {
            kind,
            dirs: vec!["x".into(); dirs],
        };
        for (options, text) in [
            (options(|o| o.fuzzy = 1), "--fuzzy requires"),
            (
                options(|o| {
                    o.alt_dest = Some(alt(options::AltDestKind::Copy, 1));
                    o.inplace = true;
                }),
                "--copy-dest with --inplace requires",
            ),
            (
                options(|o| o.alt_dest = Some(alt(options::AltDestKind::Link, 2))),
                "Using more than one --link-dest option requires",
            ),
        ] {
            let text = format!("{text} protocol 29 or higher (negotiated 28).");
            assert_eq!(refusal(&options, protocol(28)), Some(text));
            assert_eq!(refusal(&options, protocol(29)), None);
        }
        let one = options(|o| o.alt_dest = Some(alt(options::AltDestKind::Link, 1)));
        assert_eq!(refusal(&one, protocol(28)), None);
    }

    #[test]
    fn access_lists_cross_from_protocol_30_on() {
        let options = options(|o| o.preserve_acls = true);
        assert_eq!(refusal(&options, protocol(30)), None);
        let text = "--acls requires protocol 30 or higher (negotiated 29).";
        assert_eq!(refusal(&options, protocol(29)).as_deref(), Some(text));
    }

    #[test]
    fn extended_attributes_cross_from_protocol_30_on() {
        let options = options(|o| o.preserve_xattrs = 1);
        assert_eq!(refusal(&options, protocol(30)), None);
        let text = "--xattrs requires protocol 30 or higher (negotiated 29).";
        assert_eq!(refusal(&options, protocol(29)).as_deref(), Some(text));
    }

    #[test]
    fn before_items_a_user_with_a_format_hears_from_the_own_generator() {
        let plain = Options::default();
        let itemized = options(|o| o.out_format = Some(options::OutFormat::new("%i %n%L", 1)));
        let told = |version, side, options: &Options| {
            Era::of(protocol(version), side, false, options).itemizing
        };
        assert_eq!(told(29, Side::Client, &itemized), Itemizing::Items);
        assert_eq!(told(28, Side::Client, &itemized), Itemizing::Own);
        assert_eq!(told(28, Side::Client, &plain), Itemizing::Names);
        assert_eq!(told(28, Side::Server, &itemized), Itemizing::Names);
    }

    #[test]
    fn a_client_that_pulls_has_messages_if_the_source_is_to_be_removed() {
        let remove = options(|o| o.remove_source_files = Some(options::RemoveSource::Synchronized));
        let framed = |version, side, sends, options: &Options| {
            Era::of(protocol(version), side, sends, options).frames_both_ways
        };
        assert!(framed(29, Side::Client, false, &remove));
        assert!(framed(29, Side::Server, true, &remove));
        assert!(!framed(29, Side::Client, true, &remove));
        assert!(!framed(29, Side::Server, false, &remove));
        assert!(!framed(29, Side::Client, false, &Options::default()));
        assert!(framed(30, Side::Client, true, &Options::default()));
    }
}
