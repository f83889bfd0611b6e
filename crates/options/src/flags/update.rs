//! Flags that decide whether an entry needs an update.
//!
//! rsync: options.c, generator.c quick_check_ok()

use crate::flag::{Flag, Takes};

pub(super) const FLAGS: &[Flag] = &[
    CHECKSUM,
    CHECKSUM_CHOICE,
    UPDATE,
    SIZE_ONLY,
    IGNORE_TIMES,
    MODIFY_WINDOW,
    EXISTING,
    IGNORE_EXISTING,
];

const CHECKSUM: Flag = Flag::switch(
    "checksum",
    Some('c'),
    "skip based on checksum, not mod-time & size",
    |given| given.options.checksum = true,
)
.undo(&["no-checksum", "no-c"], |given| {
    given.options.checksum = false
})
.doc(
    "Files of equal size are read on both sides and compared by checksum, whatever their times \
     say. Slow, and sure.",
);

const CHECKSUM_CHOICE: Flag = Flag::valued(
    "checksum-choice",
    None,
    Takes::Text("STR"),
    "choose the checksum algorithm (aka --cc)",
    |given, value| {
        // The last one counts, and only then need it make sense.
        given.checksum_choice = Some(value.text().into_owned());
        Ok(())
    },
)
.or(&["cc"])
.doc(
    "One of `auto`, `xxh128`, `xxh3`, `xxh64`, `md5`, `md4`, `sha1`, `none`; or two with a comma \
     between, the first for the delta transfer, the second for `--checksum`. `none` for the \
     first implies `--whole-file`.",
);

const UPDATE: Flag = Flag::switch(
    "update",
    Some('u'),
    "skip files that are newer on the receiver",
    |given| given.options.update = true,
)
.doc("Leave alone a destination file that is newer than its source.");

const SIZE_ONLY: Flag = Flag::switch(
    "size-only",
    None,
    "skip files that match in size",
    |given| {
        given.options.size_only = true;
    },
)
.doc("Files of equal size are taken for equal, whatever their times.");

const IGNORE_TIMES: Flag = Flag::switch(
    "ignore-times",
    Some('I'),
    "don't skip files that match size and time",
    |given| given.options.ignore_times = true,
)
.doc("Update every file, even those whose size and time are equal.");

const MODIFY_WINDOW: Flag = Flag::valued(
    "modify-window",
    Some('@'),
    Takes::Text("NUM"),
    "set the accuracy for mod-time comparisons",
    |given, value| {
        given.options.modify_window = value.int()?;
        given.options.as_given.modify_window = true;
        Ok(())
    },
)
.doc(
    "Times that differ by no more than so many seconds are equal. 0, the default, compares whole \
     seconds; `-@-1` compares nanoseconds too.",
);

const EXISTING: Flag = Flag::switch(
    "existing",
    None,
    "skip creating new files on receiver",
    |given| {
        given.options.existing = true;
    },
)
.or(&["ignore-non-existing"])
.doc("Update what is there; create nothing.");

const IGNORE_EXISTING: Flag = Flag::switch(
    "ignore-existing",
    None,
    "skip updating files that exist on receiver",
    |given| given.options.ignore_existing = true,
)
.doc("Create what is missing; update nothing.");

#[cfg(test)]
mod tests {
    use crate::asked::{error, options};
    use crate::error::ErrorKind;
    use crate::resolved::Checksum;

    #[test]
    fn checksum_flag() {
        assert!(options("-c").checksum && options("--checksum").checksum);
        assert!(!options("-c --no-c").checksum && !options("-c --no-checksum").checksum);
    }

    #[test]
    fn checksum_choice_flag() {
        assert_eq!(options("--cc=auto").checksum_choice, None);
        assert_eq!(options("--checksum-choice=AUTO,auto").checksum_choice, None);
        let choice = options("--cc=XXHash,sha1").checksum_choice.unwrap();
        assert_eq!(
            (choice.transfer, choice.file),
            (Checksum::Xxh64, Checksum::Sha1)
        );
        assert_eq!(options("--cc=none --no-W").whole_file, Some(true));
        let unknown = error("--cc=md5,foo a b");
        assert_eq!(unknown.kind, ErrorKind::Unsupported);
        assert!(
            unknown
                .to_string()
                .starts_with("unknown checksum name: foo")
        );
        assert_eq!(options("--cc=foo --cc=auto").checksum_choice, None);
        assert_eq!(error("-c --cc=none a b").kind, ErrorKind::Unsupported);
    }

    #[test]
    fn update() {
        assert!(options("-u").update && options("--update").update);
    }

    #[test]
    fn size_only() {
        assert!(options("--size-only").size_only);
    }

    #[test]
    fn ignore_times() {
        assert!(options("-I").ignore_times && options("--ignore-times").ignore_times);
    }

    #[test]
    fn modify_window() {
        for line in ["-@2", "-@ 2", "--modify-window=2"] {
            assert_eq!(options(line).modify_window, 2, "{line}");
        }
        assert_eq!(options("-@-1").modify_window, -1);
        let message = "tidesync: -@1x: invalid numeric value";
        assert_eq!(error("-@1x").to_string(), message);
    }

    #[test]
    fn existing() {
        assert!(options("--existing").existing && options("--ignore-non-existing").existing);
    }

    #[test]
    fn ignore_existing() {
        assert!(options("--ignore-existing").ignore_existing);
    }
}
