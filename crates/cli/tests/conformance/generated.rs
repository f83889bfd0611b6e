//! Equality with rsync for generated trees and generated command lines.
//!
//! | variable | meaning |
//! |---|---|
//! | `TIDESYNC_CONFORM_SEED` | the seed of the run (a fixed one by default) |
//! | `TIDESYNC_CONFORM_CASES` | how many cases (`2000`), or which (`17..18`) |
//! | `TIDESYNC_CONFORM_FAILURES` | how many failing cases to show before giving up |
//! | `TIDESYNC_CONFORM_SHRINK` | for how many seconds a failing case is made smaller |
//! | `TIDESYNC_CONFORM_THREADS` | how many cases to run at once |
//! | `TIDESYNC_BIN`, `TIDESYNC_RSYNC` | other programs than ours and the `rsync` on the path |

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::case::{Case, Mixing, Verdict, judge};
use crate::option_generator;
use crate::outcome::Difference;
use crate::playground::Playground;
use crate::power::Power;
use crate::prng::Prng;
use crate::program::Program;
use crate::tree_generator;

const DEFAULT_SEED: u64 = 20_261_122;
const DEFAULT_CASES: u64 = 700;
/// One case of so many is huge: such take as long as a hundred others.
const HUGE_EVERY: u64 = 100;
/// Of so many cases in a hundred the output may be mixed otherwise (see [`Mixing`]), or be equal
/// only to another run of rsync's.
const MIXED_OTHERWISE_PERCENT: u64 = 4;
const RSYNC_ASKED_AGAIN: usize = 3;

#[test]
fn generated_cases_end_as_with_rsync() {
    let seed = number("TIDESYNC_CONFORM_SEED", DEFAULT_SEED);
    let cases = wanted_cases();
    let show = number("TIDESYNC_CONFORM_FAILURES", 5);
    let power = Power::of_this_process();
    let next = AtomicU64::new(cases.start);
    let reports = Mutex::new(Vec::new());
    let mixed_otherwise = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..number("TIDESYNC_CONFORM_THREADS", 2) {
            scope.spawn(|| {
                let playground = Playground::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let failures = reports.lock().expect("no panic").len() as u64;
                    if number >= cases.end || failures >= show {
                        break;
                    }
                    let mut prng = Prng::new(seed, number);
                    let mut case = option_generator::case(&mut prng, power);
                    if number % HUGE_EVERY == HUGE_EVERY - 1 {
                        tree_generator::enlarge(&mut prng, &mut case.tree);
                    }
                    let verdict = compare(&playground, &case);
                    if verdict.mixing == Mixing::Other {
                        mixed_otherwise.fetch_add(1, Ordering::Relaxed);
                    }
                    let found = verdict.differences;
                    if !found.is_empty() {
                        let report = report(&playground, seed, number, case, found);
                        reports.lock().expect("no panic").push(report);
                    }
                }
            });
        }
    });
    let reports = reports.into_inner().expect("no panic");
    let tried = next.into_inner().min(cases.end) - cases.start;
    assert!(
        reports.is_empty(),
        "{} cases differ from rsync ({} tried):\n\n{}",
        reports.len(),
        tried,
        reports.join("\n")
    );
    let mixed_otherwise = mixed_otherwise.into_inner();
    eprintln!("{mixed_otherwise} of {tried} cases print rsync's lines in another order");
    assert!(
        mixed_otherwise <= 2 + tried * MIXED_OTHERWISE_PERCENT / 100,
        "{mixed_otherwise} of {tried} cases print rsync's lines in another order"
    );
}

/// Runs both programs and tells in what they differ. Where they do, rsync is asked again: one in
/// some hundred of its own runs ends otherwise than the rest, by a race between its processes,
/// and ours must end as any of rsync's does. Ours is not asked again.
pub fn compare(playground: &Playground, case: &Case) -> Verdict {
    let theirs = Program::Rsync.run(playground, case);
    if theirs.is_useless() {
        // There is nothing to compare with. Counted, so that it cannot become a habit.
        eprintln!("rsync itself hangs or crashes: {}", case.command_line());
        return Verdict {
            differences: Vec::new(),
            mixing: Mixing::Other,
        };
    }
    let ours = Program::Tidesync.run(playground, case);
    let verdict = judge(&theirs, &ours);
    for _ in 0..RSYNC_ASKED_AGAIN {
        if verdict.differences.is_empty() {
            return verdict;
        }
        let again = judge(&Program::Rsync.run(playground, case), &ours);
        if again.differences.is_empty() {
            return Verdict {
                mixing: Mixing::Other,
                ..again
            };
        }
    }
    verdict
}

fn report(
    playground: &Playground,
    seed: u64,
    number: u64,
    case: Case,
    found: Vec<Difference>,
) -> String {
    let replay = format!(
        "case {number} of seed {seed}: {}\n\
         replay: TIDESYNC_CONFORM_SEED={seed} TIDESYNC_CONFORM_CASES={number}..{} \
         cargo test -p cli --test conformance generated\n",
        case.command_line(),
        number + 1
    );
    let small = shrink(playground, &case, &found);
    let found_in_small = compare(playground, &small).differences;
    if found_in_small.is_empty() {
        let note = "  (not every time: one of the programs is not deterministic)\n";
        return replay + note + &describe(&case, &found);
    }
    replay + &describe(&small, &found_in_small)
}

/// The command line, the tree and the differences.
pub fn describe(case: &Case, differences: &[Difference]) -> String {
    let mut text = format!("  {}\n  in:\n", case.command_line());
    for node in &case.tree.nodes {
        text += &format!("    {}\n", node.describe());
    }
    for difference in differences {
        text += &format!(
            "  {} (- rsync, + tidesync):\n{}",
            difference.aspect, difference.text
        );
    }
    text
}

/// Leaves out options and names one by one as long as a line of the difference stays, so that the
/// small case shows what the whole one showed.
fn shrink(playground: &Playground, case: &Case, found: &[Difference]) -> Case {
    let started = Instant::now();
    let patience = Duration::from_secs(number("TIDESYNC_CONFORM_SHRINK", 15));
    let changed_lines = |found: &[Difference]| -> HashSet<String> {
        let lines = found.iter().flat_map(|difference| difference.text.lines());
        let changed = lines.filter(|line| line.starts_with("  - ") || line.starts_with("  + "));
        changed.map(str::to_owned).collect()
    };
    let wanted = changed_lines(found);
    let still_fails = |smaller: &Case| {
        started.elapsed() < patience && {
            let found = compare(playground, smaller).differences;
            !changed_lines(&found).is_disjoint(&wanted)
        }
    };
    let mut case = case.clone();
    for index in (0..case.options.len()).rev() {
        let mut smaller = case.clone();
        smaller.options.remove(index);
        if still_fails(&smaller) {
            case = smaller;
        }
    }
    // From the front, where a directory takes all that it holds with it.
    let mut index = 0;
    while index < case.tree.nodes.len() {
        let smaller = Case {
            tree: case.tree.without(index),
            ..case.clone()
        };
        let path = &case.tree.nodes[index].path;
        let needed = path == b"src" || path == b"side";
        if !needed && still_fails(&smaller) {
            case = smaller;
        } else {
            index += 1;
        }
    }
    case
}

fn wanted_cases() -> Range<u64> {
    let text = std::env::var("TIDESYNC_CONFORM_CASES").unwrap_or_default();
    if let Some((start, end)) = text.split_once("..") {
        return parse(start)..parse(end);
    }
    if text.is_empty() {
        0..DEFAULT_CASES
    } else {
        0..parse(&text)
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| parse(&text))
}

fn parse(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number: {text:?}"))
}
