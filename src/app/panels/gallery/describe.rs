//! Pictures in words.

use std::time::SystemTime;

use crate::storage::gallery::listing::Item;

/// The characters of a prompt in a name that is read out.
pub(crate) const NAME_LENGTH: usize = 80;

/// What a screen reader says of a picture in a grid.
pub(crate) fn name(item: &Item, at: usize, count: usize, is_broken: bool) -> String {
    let favourite = if item.favourite { ", favourite" } else { "" };
    let broken = if is_broken { ", can't be shown" } else { "" };
    format!("{}, picture {} of {count}{favourite}{broken}", title(item, NAME_LENGTH), at + 1)
}

/// The beginning of a picture's prompt in one line, or its file's name.
pub(crate) fn title(item: &Item, length: usize) -> String {
    let prompt = item.prompt().map(str::trim).filter(|prompt| !prompt.is_empty());
    prompt.map_or_else(|| item.name(), |prompt| shorten(prompt, length))
}

/// A text in one line of at most so many characters.
pub(crate) fn shorten(text: &str, length: usize) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().enumerate() {
        if count >= length {
            line.push('…');
            break;
        }
        line.push(if c.is_control() { ' ' } else { c });
    }
    line
}

/// How long ago something was.
pub(crate) fn ago(time: SystemTime, now: SystemTime) -> String {
    let Ok(passed) = now.duration_since(time) else { return "Just now".to_owned() };
    let minutes = passed.as_secs() / 60;
    let (count, unit) = match minutes {
        0 => return "Just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1_440 => (minutes / 60, "hour"),
        1_440..43_200 => (minutes / 1_440, "day"),
        43_200..525_600 => (minutes / 43_200, "month"),
        _ => (minutes / 525_600, "year"),
    };
    format!("{} ago", counted(count, unit))
}

/// A number of things.
pub(crate) fn counted(count: u64, unit: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {unit}{end}", grouped(count))
}

/// A number with commas between the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(
            [1, 2, 1_000, 1_234_567].map(|count| counted(count, "picture")),
            ["1 picture", "2 pictures", "1,000 pictures", "1,234,567 pictures"]
        );
    }

    #[test]
    fn times_are_said_by_their_distance() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let ago = |seconds| ago(now - Duration::from_secs(seconds), now);
        assert_eq!(
            [ago(5), ago(90), ago(7_200), ago(200_000)],
            ["Just now", "1 minute ago", "2 hours ago", "2 days ago"]
        );
        assert_eq!(super::ago(now + Duration::from_secs(9), now), "Just now", "clocks go wrong");
    }

    #[test]
    fn long_prompts_are_cut_and_kept_in_one_line() {
        assert_eq!(shorten("a fox\nand a hen", 40), "a fox and a hen");
        assert_eq!(shorten("狐狐狐狐", 3), "狐狐狐…");
    }
}
