//! Which samples of a side a limit leaves.

use super::files::Item;

/// The places of the first `limit` samples when the classes take turns, in the original order.
pub(super) fn choose(labels: &[u32], limit: Option<usize>) -> Vec<usize> {
    let Some(limit) = limit.filter(|&limit| limit < labels.len()) else {
        return (0..labels.len()).collect();
    };
    let mut seen = std::collections::BTreeMap::<u32, usize>::new();
    let mut turns: Vec<(usize, u32, usize)> = Vec::with_capacity(labels.len());
    for (index, &label) in labels.iter().enumerate() {
        let turn = seen.entry(label).or_default();
        turns.push((*turn, label, index));
        *turn += 1;
    }
    turns.sort_unstable();
    let mut chosen: Vec<usize> = turns.into_iter().take(limit).map(|(.., index)| index).collect();
    chosen.sort_unstable();
    chosen
}

/// The items that `limit` leaves, the first of every class.
pub(super) fn chosen_items(items: &[Item], limit: Option<usize>) -> Vec<Item> {
    let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
    choose(&labels, limit).into_iter().filter_map(|index| items.get(index)).cloned().collect()
}

/// The labels at the chosen places.
pub(super) fn pick(labels: &[u32], chosen: &[usize]) -> Vec<u32> {
    chosen.iter().filter_map(|&index| labels.get(index)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_takes_the_first_of_every_class() {
        let labels = [0, 0, 0, 1, 1, 2];
        assert_eq!(choose(&labels, Some(3)), [0, 3, 5]);
        assert_eq!(choose(&labels, Some(4)), [0, 1, 3, 5]);
        assert_eq!(choose(&labels, Some(9)), [0, 1, 2, 3, 4, 5]);
        assert_eq!(choose(&labels, None).len(), 6);
    }
}
