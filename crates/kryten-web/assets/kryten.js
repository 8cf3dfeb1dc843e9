// Renews the live page. It writes texts and attributes and never markup; the page's policy would refuse that.
"use strict";

(() => {
  const root = document.querySelector("[data-events]");
  if (!root || !window.EventSource) return;
  const state = document.querySelector("[data-state]");
  const problem = document.querySelector("[data-problem]");

  const at = (view, path) => path.split(".").reduce((value, name) => (value == null ? value : value[name]), view);

  const write = (element, value) => {
    const text = value == null ? element.dataset.empty || "" : String(value);
    if (element.textContent !== text) element.textContent = text;
  };

  // One entry of each list: its template's elements, filled.
  const fill = {
    "present": (item, user) => {
      const link = item.querySelector("a");
      link.textContent = user.name;
      link.href = user.page;
      if (user.afk) {
        item.className = "afk";
        const tag = document.createElement("span");
        tag.className = "tag";
        tag.textContent = "away";
        item.append(" ", tag);
      }
    },
    "coming.films": (item, film) => {
      const [title, duration] = item.querySelectorAll("span");
      title.textContent = film.title;
      duration.textContent = film.duration;
    },
    "top_talkers": (item, user) => {
      const link = item.querySelector("a");
      link.textContent = user.username;
      link.href = user.page;
      item.querySelector("span").textContent = user.count.toLocaleString("en").replaceAll(",", "\u202f");
    },
  };

  const seen = new Map();
  const list = (element, entries) => {
    const name = element.dataset.list;
    const key = JSON.stringify(entries);
    // A list that is as it was stays, so that nobody loses the place or the focus.
    if (seen.get(name) === key) return;
    seen.set(name, key);
    const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const template = document.getElementById("t-" + name);
    element.replaceChildren(...entries.map((entry) => {
      const item = template.content.firstElementChild.cloneNode(true);
      fill[name](item, entry);
      return item;
    }));
    if (focused) [...element.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  };

  const show = (view) => {
    for (const element of document.querySelectorAll("[data-text]")) write(element, at(view, element.dataset.text));
    for (const element of root.querySelectorAll("[data-list]")) list(element, at(view, element.dataset.list) || []);
    for (const element of root.querySelectorAll("[data-if-empty]")) {
      element.hidden = (at(view, element.dataset.ifEmpty) || []).length > 0;
    }
    root.querySelector("[data-more]").hidden = view.present_more === 0;
    root.querySelector("[data-if-stale]").hidden = view.coming.is_current;
    problem.hidden = view.problem == null;
    write(problem, view.problem);
  };

  const say = (word) => {
    state.hidden = false;
    state.classList.toggle("on", word === "live");
    write(state, word);
  };

  const picture = () => {
    const figure = root.querySelector("[data-picture]");
    const request = new XMLHttpRequest();
    request.open("GET", figure.dataset.picture);
    request.responseType = "document";
    request.overrideMimeType("image/svg+xml");
    request.addEventListener("load", () => {
      const drawn = request.status === 200 && request.responseXML;
      if (drawn) figure.replaceChildren(...[...drawn.documentElement.children].map((svg) => document.importNode(svg, true)));
    });
    request.send();
  };

  let source;
  const open = () => {
    source = new EventSource(root.dataset.events);
    source.addEventListener("live", (event) => {
      show(JSON.parse(event.data));
      say("live");
    });
    source.addEventListener("error", () => {
      say("reconnecting");
      // The browser tries by itself, unless it was refused.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000);
    });
  };
  open();
  setInterval(() => document.hidden || picture(), 20000);
  // A page that nobody sees needs nothing.
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (!document.hidden) {
      open();
      picture();
    }
  });
})();
