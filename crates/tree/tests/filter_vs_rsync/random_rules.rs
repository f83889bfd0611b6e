//! Rule sets from seeds.

use super::Case;

/// The same case for the same seed, everywhere.
pub fn case(seed: u64) -> Case {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03);
    let mut parts = Vec::new();
    for _ in 0..1 + dice.below(5) {
        parts.push(dice.rule());
    }
    if dice.below(3) == 0 {
        let merges = [
            ": .f", ":n .f", ":- .f", ":e .f", ":s .f", ":r .f", ":p .f", ":/ .f", ": /.f",
        ];
        let merge = dice.pick(&merges);
        let at = dice.below(parts.len() as u64 + 1) as usize;
        parts.insert(at, merge.to_string());
        let bare = merge == ":- .f";
        let sided = matches!(merge, ":s .f" | ":r .f");
        for dir in ["", "a/", "a/b/", "b/", "foo/", "foo/bar/", "d[x]/"] {
            if dice.below(2) == 0 {
                let rules: Vec<String> = (0..1 + dice.below(3))
                    .map(|_| match (bare, sided) {
                        (true, _) => dice.pattern(),
                        (_, true) => format!("{} {}", dice.pick(&["+", "-"]), dice.pattern()),
                        _ => dice.rule(),
                    })
                    .collect();
                parts.push(format!("@{dir}.f={}", rules.join("\\n")));
            }
        }
    }
    for (chance, option) in [(8, "-C"), (8, "--delete-excluded"), (3, "noslash")] {
        if dice.below(chance) == 0 {
            parts.push(option.to_string());
        }
    }
    Case::parse(&parts.join(" || "))
}

/// A small generator of our own, so that seeds mean the same for ever.
struct Dice(u64);

impl Dice {
    /// xorshift64*
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn rule(&mut self) -> String {
        let names = [
            "-",
            "-",
            "-",
            "-",
            "+",
            "+",
            "+",
            "-!",
            "-p",
            "-s",
            "-r",
            "+s",
            "+r",
            "-sr",
            "H",
            "S",
            "P",
            "R",
            "-/",
            "-x",
            "exclude",
            "include",
            "hide,",
            "protect,p",
            "risk,!",
            "-,p",
        ];
        format!("{} {}", self.pick(&names), self.pattern())
    }

    fn pattern(&mut self) -> String {
        let mut pattern = String::new();
        if self.below(4) == 0 {
            pattern.push('/');
        }
        let elements = 1 + self.below(3);
        for element in 0..elements {
            if element > 0 {
                pattern.push('/');
            }
            for _ in 0..1 + self.below(2) {
                let piece = if self.below(2) == 0 {
                    self.pick(&[
                        "foo", "bar", "a", "b", "baz", "c", "deep", "down", "src", "d[x]",
                    ])
                } else {
                    self.pick(&[
                        "*",
                        "?",
                        "**",
                        "***",
                        "[ab]",
                        "[!ab]",
                        "*.c",
                        "*.o",
                        "f*",
                        "*o*",
                        "[a-f]*",
                        "foo.?",
                        "?oo",
                        "\\a",
                        "[[:alpha:]]",
                        "*[!c]",
                        "b*",
                        "s?b",
                        "",
                        "\\*",
                        "]",
                        "[",
                        "[a",
                        "[]-a]",
                        "d[[]x]",
                        "**o",
                        "t**",
                    ])
                };
                pattern.push_str(piece);
            }
        }
        match self.below(8) {
            0 | 1 => pattern.push('/'),
            2 => pattern.push_str("/**"),
            3 => pattern.push_str("/***"),
            _ => {}
        }
        if pattern.is_empty() {
            "*".to_string()
        } else {
            pattern
        }
    }
}
