//! A fuzzer for stable Rust: it changes inputs at random, and does not look at what the code does.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use rand::TryRng as _;

/// What any request or reply is shorter than.
const LONGEST: usize = 64 * 1024;
/// Runs where `SESSION_FUZZ_RUNS` does not say how many.
const RUNS: u64 = 10_000;

/// Runs a target with each of its seeds, and then with `SESSION_FUZZ_RUNS` inputs made of them:
/// the same for each `SESSION_SEED`, which is random and printed unless it is given.
///
/// # Panics
/// Where the target does, and prints the input; and where there are no seeds.
pub fn fuzz(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut dice = Dice(number("SESSION_SEED").unwrap_or_else(random));
    let runs = number("SESSION_FUZZ_RUNS").unwrap_or(RUNS);
    println!(
        "{name}: to repeat: SESSION_SEED={} SESSION_FUZZ_RUNS={runs}",
        dice.0
    );
    let seeds = seeds(&directory.join("seeds").join(name));
    let words = words(&directory.join("words.dict"));
    let began = Instant::now();
    let mutated = (0..runs).map(|_| dice.input(&seeds, &words));
    let mut longest = 0;
    for input in seeds.iter().cloned().chain(mutated) {
        longest = longest.max(input.len());
        let input = Shown(input);
        target(&input.0);
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{name}: {} runs, {took:.1} s, up to {longest} bytes",
        seeds.len() as u64 + runs
    );
}

/// Prints the input where the target panics.
struct Shown(Vec<u8>);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the input: b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    assert!(number.is_ok(), "{variable} must be a number, and is {text}");
    number.ok()
}

fn random() -> u64 {
    let random = rand::rngs::SysRng.try_next_u64();
    random.unwrap_or_default()
}

fn seeds(directory: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.sort();
    let seeds: Vec<_> = files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect();
    assert!(!seeds.is_empty(), "no seeds in {}", directory.display());
    seeds
}

/// The words of a dictionary of libFuzzer, each in quotes on a line of its own.
fn words(file: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines();
    let word = |line: &str| {
        Some(
            line.strip_prefix('"')?
                .strip_suffix('"')?
                .as_bytes()
                .to_vec(),
        )
    };
    let words: Vec<_> = lines.filter_map(word).collect();
    assert!(!words.is_empty(), "no words in {}", file.display());
    words
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    fn pick<'a>(&mut self, from: &'a [Vec<u8>]) -> &'a [u8] {
        let at = self.below(from.len());
        from.get(at).map_or(&[], Vec::as_slice)
    }

    /// A short part, mostly.
    fn part<'a>(&mut self, of: &'a [u8]) -> &'a [u8] {
        let longest = match self.below(8) {
            0 => of.len(),
            _ => 64,
        };
        let start = self.below(of.len() + 1);
        let end = (start + self.below(longest + 1)).min(of.len());
        of.get(start..end).unwrap_or_default()
    }

    fn number(&mut self) -> Vec<u8> {
        let power = 1_i128 << self.below(65);
        let sign = match self.below(4) {
            0 => -1,
            _ => 1,
        };
        let beside = i128::try_from(self.below(3)).unwrap_or_default() - 1;
        (sign * power + beside).to_string().into_bytes()
    }

    /// A seed, changed some times.
    fn input(&mut self, seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick(seeds).to_vec();
        for _ in 0..=self.below(5) {
            let at = self.below(input.len() + 1);
            let end = at + self.part(input.get(at..).unwrap_or_default()).len();
            let piece: Vec<u8> = match self.below(10) {
                0 => Vec::new(),
                1 => vec![self.next().to_le_bytes()[0]],
                2 => self.next().to_le_bytes().to_vec(),
                3 => self.number(),
                4 => {
                    let part = self.part(&input).to_vec();
                    let times = match self.below(64) {
                        0 => LONGEST / (part.len() + 1),
                        _ => 1 + self.below(3),
                    };
                    part.repeat(times)
                }
                5 | 6 => {
                    let other = self.pick(seeds);
                    self.part(other).to_vec()
                }
                _ => self.pick(words).to_vec(),
            };
            // In the place of what is there, of as much, or before it.
            let end = match self.below(3) {
                0 => end,
                1 => (at + piece.len()).min(input.len()),
                _ => at,
            };
            input.splice(at..end, piece);
        }
        input.truncate(LONGEST);
        input
    }
}
