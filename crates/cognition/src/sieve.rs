//! The first sieve: of all windows those that become candidates, so that the council has variety before it, not four
//! hundred versions of the best minute.

use omniva_contracts::Span;

use crate::windows::Window;

/// At least so many windows of one part of the source come through, if it has them.
const LEAST_PER_PLACE: usize = 4;
/// Share of the places kept for windows with a flaw, so that a reader can see why a promising moment was not taken.
const FLAWED_SHARE: f64 = 0.15;

/// The `max` best windows. First the best few of each place (a stretch as long as the longest clip), then whatever is
/// best; flawed ones fill at most 15 % unless there is nothing else. In order of time.
pub(crate) fn sift(mut windows: Vec<Window>, max: usize, place: f64) -> Vec<Window> {
    windows.sort_by(|a, b| {
        b.promise
            .total_cmp(&a.promise)
            .then(a.span.start.total_cmp(&b.span.start))
            .then(a.span.end.total_cmp(&b.span.end))
    });
    let (sound, flawed): (Vec<Window>, Vec<Window>) = windows.into_iter().partition(|w| w.flaw.is_none());
    let room_for_flawed = ((max as f64 * FLAWED_SHARE) as usize).max(max.saturating_sub(sound.len())).max(1);
    let flawed = vary(flawed, room_for_flawed.min(max), place);
    let mut kept = vary(sound, max - flawed.len(), place);
    kept.extend(flawed);
    kept.sort_by(|a, b| a.span.start.total_cmp(&b.span.start).then(a.span.end.total_cmp(&b.span.end)));
    kept.dedup_by(|a, b| a.span == b.span);
    kept
}

/// The best `max` of windows sorted by promise: a fair share for each place first, then the rest.
fn vary(windows: Vec<Window>, max: usize, place: f64) -> Vec<Window> {
    if windows.len() <= max {
        return windows;
    }
    let at = |span: &Span| (span.middle() / place.max(1.0)) as i64;
    let places = windows.iter().map(|w| at(&w.span)).collect::<std::collections::BTreeSet<_>>().len().max(1);
    let share = (2 * max / places).max(LEAST_PER_PLACE);
    let mut held: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    let (mut kept, mut rest) = (Vec::with_capacity(max), Vec::new());
    for window in windows {
        let here = held.entry(at(&window.span)).or_default();
        if *here < share && kept.len() < max {
            *here += 1;
            kept.push(window);
        } else {
            rest.push(window);
        }
    }
    let missing = max - kept.len();
    kept.extend(rest.into_iter().take(missing));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Flaw;
    use omniva_contracts::choice::Features;

    fn window(start: f64, promise: f64, flawed: bool) -> Window {
        let flaw = flawed.then(|| Flaw { code: "cut_off", reason: String::new() });
        let span = Span::new(start, start + 20.0);
        Window { first: 0, end: 1, span, features: Features::default(), promise, flaw }
    }

    #[test]
    fn one_good_minute_does_not_crowd_out_the_rest() {
        let mut windows: Vec<Window> = (0..100).map(|k| window(k as f64 * 0.1, 0.9, false)).collect();
        windows.extend((0..100).map(|k| window(600.0 + k as f64 * 30.0, 0.4, false)));
        let kept = sift(windows, 50, 60.0);
        assert_eq!(kept.len(), 50);
        assert!(kept.iter().filter(|w| w.span.start > 500.0).count() >= 20);
        assert!(kept.windows(2).all(|w| w[0].span.start <= w[1].span.start));
    }

    #[test]
    fn flawed_windows_are_shown_but_never_crowd_out_sound_ones() {
        let windows: Vec<Window> = (0..200).map(|k| window(k as f64 * 5.0, 0.5, k % 2 == 0)).collect();
        let kept = sift(windows, 40, 60.0);
        assert_eq!(kept.iter().filter(|w| w.flaw.is_some()).count(), 6);
        let only_flawed = sift((0..9).map(|k| window(k as f64, 0.5, true)).collect(), 40, 60.0);
        assert_eq!(only_flawed.len(), 9);
    }
}
