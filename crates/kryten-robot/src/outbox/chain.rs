//! A line from which anything can be taken at once, wherever it stands. Pure.
//!
//! The links are indices into one vector, whose free places are used again.

/// Where an entry stands, as long as it is in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize);

#[derive(Debug)]
pub(super) struct Chain<T> {
    links: Vec<Link<T>>,
    free: Vec<usize>,
    first: Option<usize>,
    last: Option<usize>,
    len: usize,
}

#[derive(Debug)]
struct Link<T> {
    value: Option<T>,
    before: Option<usize>,
    after: Option<usize>,
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Self {
            links: Vec::new(),
            free: Vec::new(),
            first: None,
            last: None,
            len: 0,
        }
    }
}

impl<T> Chain<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn first(&self) -> Option<Place> {
        self.first.map(Place)
    }

    pub(super) fn last(&self) -> Option<Place> {
        self.last.map(Place)
    }

    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.links.get(place.0)?.value.as_ref()
    }

    pub(super) fn push_back(&mut self, value: T) -> Place {
        let at = self.occupy(value);
        self.links[at].before = self.last;
        match self.last {
            Some(last) => self.links[last].after = Some(at),
            None => self.first = Some(at),
        }
        self.last = Some(at);
        Place(at)
    }

    pub(super) fn push_front(&mut self, value: T) -> Place {
        let at = self.occupy(value);
        self.links[at].after = self.first;
        match self.first {
            Some(first) => self.links[first].before = Some(at),
            None => self.last = Some(at),
        }
        self.first = Some(at);
        Place(at)
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let link = self.links.get_mut(place.0)?;
        let value = link.value.take()?;
        let (before, after) = (link.before.take(), link.after.take());
        match before {
            Some(before) => self.links[before].after = after,
            None => self.first = after,
        }
        match after {
            Some(after) => self.links[after].before = before,
            None => self.last = before,
        }
        self.free.push(place.0);
        self.len -= 1;
        if self.len == 0 {
            // What a long outage needed is given back.
            *self = Self::default();
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &T)> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let at = next?;
            let link = &self.links[at];
            next = link.after;
            Some((Place(at), link.value.as_ref()?))
        })
    }

    fn occupy(&mut self, value: T) -> usize {
        self.len += 1;
        let link = Link {
            value: Some(value),
            before: None,
            after: None,
        };
        match self.free.pop() {
            Some(at) => {
                self.links[at] = link;
                at
            }
            None => {
                self.links.push(link);
                self.links.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(chain: &Chain<u32>) -> Vec<u32> {
        chain.iter().map(|(_, value)| *value).collect()
    }

    #[test]
    fn entries_are_taken_from_anywhere_and_their_places_used_again() {
        let mut chain = Chain::default();
        let two = chain.push_back(2);
        let three = chain.push_back(3);
        let one = chain.push_front(1);
        assert_eq!(values(&chain), [1, 2, 3]);
        assert_eq!((chain.first(), chain.last()), (Some(one), Some(three)));
        assert_eq!(chain.remove(two), Some(2));
        assert_eq!(chain.remove(two), None, "it is gone");
        assert_eq!(values(&chain), [1, 3]);
        chain.push_back(4);
        assert_eq!(chain.links.len(), 3, "the free place is used");
        assert_eq!(chain.remove(one), Some(1));
        assert_eq!((values(&chain), chain.len()), (vec![3, 4], 2));
        for place in [chain.first(), chain.last()] {
            chain.remove(place.unwrap());
        }
        assert!(chain.len() == 0 && chain.first().is_none() && chain.links.capacity() == 0);
    }
}
