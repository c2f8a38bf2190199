//! What is drawn, on a terminal where the program prints as well.

use super::super::screen::drawing;

/// As much of a terminal as is needed: what it shows, and where its cursor is.
struct Terminal {
    lines: Vec<Vec<char>>,
    columns: usize,
    at: (usize, usize),
    remembered: (usize, usize),
}

impl Terminal {
    fn new(lines: usize, columns: usize) -> Self {
        Self {
            lines: vec![vec![' '; columns]; lines],
            columns,
            at: (0, 0),
            remembered: (0, 0),
        }
    }

    fn print(&mut self, text: &str) {
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => self.at.1 = 0,
                // As a terminal's driver has it, which goes to the left as well.
                '\n' => {
                    self.at.1 = 0;
                    self.down();
                }
                '\x1b' => self.escape(&mut letters),
                letter => {
                    if self.at.1 < self.columns {
                        self.lines[self.at.0][self.at.1] = letter;
                        self.at.1 += 1;
                    }
                }
            }
        }
    }

    fn escape(&mut self, letters: &mut impl Iterator<Item = char>) {
        match letters.next() {
            Some('D') => self.down(),
            Some('7') => self.remembered = self.at,
            Some('8') => self.at = self.remembered,
            Some('[') => {
                let mut amount = String::new();
                for letter in letters {
                    match letter {
                        '0'..='9' | '?' => amount.push(letter),
                        'A' => self.at.0 = self.at.0.saturating_sub(amount.parse().unwrap()),
                        'J' => self.erase(),
                        // Wrapping: this terminal never does.
                        'l' | 'h' => assert_eq!(amount, "?7"),
                        letter => panic!("what is {letter}?"),
                    }
                    if letter.is_alphabetic() {
                        break;
                    }
                }
            }
            other => panic!("what is {other:?}?"),
        }
    }

    fn down(&mut self) {
        if self.at.0 + 1 < self.lines.len() {
            self.at.0 += 1;
        } else {
            self.lines.remove(0);
            self.lines.push(vec![' '; self.columns]);
        }
    }

    fn erase(&mut self) {
        let (line, column) = self.at;
        self.lines[line][column..].fill(' ');
        for line in &mut self.lines[line + 1..] {
            line.fill(' ');
        }
    }

    fn shows(&self) -> Vec<String> {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        let mut lines: Vec<_> = self.lines.iter().map(line).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

fn rows(words: &[&str]) -> String {
    let rows: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    drawing(&rows)
}

#[test]
fn rows_take_the_place_of_those_before() {
    let mut terminal = Terminal::new(8, 20);
    terminal.print("started\n");
    terminal.print(&rows(&["count  12 running", "merge  3 waiting"]));
    terminal.print(&rows(&["count  2 running"]));
    assert_eq!(terminal.shows(), ["started", "", "count  2 running"]);
    terminal.print("\x1b[J");
    assert_eq!(terminal.shows(), ["started"]);
}

/// At the top, and where the terminal has to scroll.
#[test]
fn what_the_program_prints_stays() {
    for lines in [20, 6] {
        let mut terminal = Terminal::new(lines, 30);
        for number in 0..8 {
            terminal.print(&rows(&["count  12 running", "merge  3 waiting"]));
            terminal.print(&format!("result {number}\n"));
            // The row below may be written over, and comes back.
            terminal.print(&rows(&["count  12 running", "merge  3 waiting"]));
        }
        let mut expected: Vec<_> = (0..8).map(|number| format!("result {number}")).collect();
        expected.extend(["", "count  12 running", "merge  3 waiting"].map(str::to_owned));
        let shown = terminal.shows();
        assert!(expected.ends_with(&shown), "{shown:?}");
        assert_eq!(shown.len(), lines.min(expected.len()));
    }
}

#[test]
fn a_line_that_the_program_has_begun_goes_on_where_it_was() {
    for lines in [20, 3] {
        let mut terminal = Terminal::new(lines, 30);
        terminal.print("one\ntwo\nsolving");
        for part in [" .", " .", " done"] {
            terminal.print(&rows(&["count  12 running"]));
            terminal.print(part);
        }
        terminal.print(&rows(&["count  12 running"]));
        let shown = terminal.shows();
        assert!(
            shown.ends_with(&[
                "solving . . done".to_owned(),
                "count  12 running".to_owned()
            ]),
            "{shown:?}"
        );
    }
}
