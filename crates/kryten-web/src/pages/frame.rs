//! What is around every page: the way to the others, and what is wrong.

use crate::sources::App;
use crate::views::links_of;

/// Where a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Live,
    Leaderboards,
    History,
    Channels,
    Person,
    Kv,
    Service,
}

/// What is around a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) links: Vec<Link>,
    /// The channel that the page is about, and its pages.
    pub(super) channel: Option<Tabs>,
    /// The domain in which a name is looked for.
    pub(super) domain: String,
    pub(super) problem: Option<&'static str>,
    pub(super) has_login: bool,
}

/// A way to another page.
pub(super) struct Link {
    pub(super) text: String,
    pub(super) page: String,
    pub(super) is_here: bool,
}

/// The pages of a channel.
pub(super) struct Tabs {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) tabs: Vec<Link>,
    /// The other channels.
    pub(super) others: Vec<Link>,
}

/// More channels than this are found on the page of all channels.
const OTHERS_SHOWN: usize = 8;

impl Frame {
    /// Around a page about one channel.
    pub(super) fn of_channel(app: &App, at: usize, here: Section) -> Self {
        let channel = &app.channels()[at];
        let links = links_of(app, at);
        let tab = |text: &str, page: String, section| Link {
            text: text.to_owned(),
            page,
            is_here: section == here,
        };
        let others = app.channels().iter().enumerate();
        let others = others.filter(|(other, _)| *other != at);
        let tabs = Tabs {
            name: channel.channel.clone(),
            domain: channel.domain.clone(),
            tabs: vec![
                tab("Live", links.live(), Section::Live),
                tab("Leaderboards", links.leaderboards(), Section::Leaderboards),
                tab("History", links.history(), Section::History),
            ],
            others: others
                .take(OTHERS_SHOWN)
                .map(|(other, channel)| Link {
                    text: channel.channel.clone(),
                    page: match here {
                        Section::Leaderboards => links_of(app, other).leaderboards(),
                        Section::History => links_of(app, other).history(),
                        _ => links_of(app, other).live(),
                    },
                    is_here: false,
                })
                .collect(),
        };
        let what = tabs.tabs.iter().find(|tab| tab.is_here);
        let title = match what {
            Some(tab) if here != Section::Live => format!("{} · {}", channel.channel, tab.text),
            _ => channel.channel.clone(),
        };
        Self {
            channel: Some(tabs),
            domain: channel.domain.clone(),
            ..Self::new(app, &title, here)
        }
    }

    /// Around any other page.
    pub(super) fn new(app: &App, title: &str, here: Section) -> Self {
        let first = match app.channels().is_empty() {
            true => "/".to_owned(),
            false => links_of(app, 0).live(),
        };
        let is_about_one = matches!(
            here,
            Section::Live | Section::Leaderboards | Section::History
        );
        let mut links = vec![
            ("Channel", first, is_about_one),
            (
                "All channels",
                "/channels".to_owned(),
                here == Section::Channels,
            ),
            ("Service", "/service".to_owned(), here == Section::Service),
        ];
        if app.shows_kv {
            links.insert(2, ("Buckets", "/kv".to_owned(), here == Section::Kv));
        }
        let links = links.into_iter().map(|(text, page, is_here)| Link {
            text: text.to_owned(),
            page,
            is_here,
        });
        Self {
            title: title.to_owned(),
            links: links.collect(),
            channel: None,
            domain: app
                .channels()
                .first()
                .map(|channel| channel.domain.clone())
                .unwrap_or_default(),
            problem: app.reads.status.view().problem(),
            has_login: app.access.has_login(),
        }
    }
}
