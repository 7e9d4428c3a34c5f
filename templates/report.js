// What a reader can do with a page: sort and filter tables, look at some networks only, ask the
// marks of a figure what they are. Without this script the page reads whole.
//
// The view stands in the address. The networks that are looked at, which the links of the report
// carry on to its other pages, are its query; what is sorted, filtered and open on this page
// follows the anchor:
//   index.html?only=rose,tulip&group=public#claims?sort=claims-2.3.down&open=runs-1
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // ---------------------------------------------------------------- what is on the page

  const tables = all("table[id]").map((element) => ({
    id: element.id,
    element,
    heads: [...element.tHead.rows[0].cells],
    body: element.tBodies[0],
    rows: [...element.tBodies[0].rows], // in the page's own order
    fold: element.closest("details"),
    selects: new Map(), // column -> its drop-down
    count: null, // where the number of shown rows stands
  }));
  const figures = all("figure").filter((figure) => figure.querySelector(".mark"));
  const picks = document.querySelector(".picks");
  const everything = picks?.querySelector(".everything");
  const chooser = picks?.querySelector("select");
  // The networks that this page shows something of, each with the option that picks it.
  const shown = new Set(all("[data-series]").map((element) => element.dataset.series));
  const networks = new Map(
    (chooser ? [...chooser.options] : [])
      .filter((option) => shown.has(option.value))
      .map((option) => [option.value, option]),
  );
  const spoken = make("p", { class: "spoken", role: "status" });
  const tip = make("div", { class: "tip", "aria-hidden": "true", hidden: "" });

  // A screen reader says it as soon as it has nothing else to say.
  const say = (text) => (spoken.textContent = text);

  // ---------------------------------------------------------------- the view and its address

  let view = readView("");

  function readView(query) {
    const asked = new URLSearchParams(query);
    const known = { open: new Set(), sorts: new Map(), filters: new Map() };
    for (const table of tables) {
      if (table.fold && asked.getAll("open").includes(table.id)) known.open.add(table.id);
    }
    for (const each of asked.getAll("sort")) {
      const [id, column, way] = each.split(".");
      const head = tables.find((table) => table.id === id)?.heads[column - 1];
      if (head?.querySelector("button")) {
        known.sorts.set(id, { column: column - 1, down: way === "down" });
      }
    }
    for (const each of asked.getAll("filter")) {
      const [id, column, ...words] = each.split(".");
      const select = tables.find((table) => table.id === id)?.selects.get(column - 1);
      const value = words.join(".");
      if ([...(select?.options ?? [])].some((option) => option.value === value && value)) {
        known.filters.set(`${id}.${column}`, value);
      }
    }
    return known;
  }

  // Always in the page's order: one view has one address.
  function writeView() {
    const query = new URLSearchParams();
    for (const { id, selects } of tables) {
      const sort = view.sorts.get(id);
      if (sort) query.append("sort", `${id}.${sort.column + 1}.${sort.down ? "down" : "up"}`);
      for (const column of selects.keys()) {
        const value = view.filters.get(`${id}.${column + 1}`);
        if (value) query.append("filter", `${id}.${column + 1}.${value}`);
      }
      if (view.open.has(id)) query.append("open", id);
    }
    return query.size ? `?${query}` : "";
  }

  // Names and groups that another page knows stay in the address, and pick nothing here.
  let picked = readPicks();

  function readPicks() {
    const asked = new URLSearchParams(location.search);
    const listed = (key) => new Set((asked.get(key) ?? "").split(",").filter(Boolean));
    return { only: listed("only"), group: listed("group") };
  }

  function writePicks() {
    const words = Object.entries(picked).filter(([, values]) => values.size);
    const query = words.map(
      ([key, values]) => `${key}=${[...values].map(encodeURIComponent).join(",")}`,
    );
    return query.length ? `?${query.join("&")}` : "";
  }

  const paper = matchMedia("print"); // which shows all of them

  // Of this page's networks those that are looked at; null for all.
  let looked = null;

  function look() {
    const fits = ([name, option]) => picked.only.has(name) || picked.group.has(option.dataset.of);
    const fitting = [...networks].filter(fits).map(([name]) => name);
    looked = fitting.length && !paper.matches ? new Set(fitting) : null;
  }

  const isHidden = (element) =>
    looked !== null && networks.has(element.dataset.series) && !looked.has(element.dataset.series);

  const anchor = () => location.hash.slice(1).split("?")[0];
  const address = () => {
    const view = `${anchor()}${writeView()}`;
    return location.pathname + writePicks() + (view ? `#${view}` : "");
  };
  const current = () => location.pathname + location.search + location.hash;

  // After every change that the reader makes; each is a step that the back button undoes.
  function changed() {
    view.open = unfolded();
    show();
    if (address() !== current()) history.pushState({ ours: true }, "", address());
  }

  // After loading, going back or following a link of the page. A link says where to go and
  // nothing about the view, which then stays; the entries of `changed` and a pasted address do.
  function restore() {
    const fresh = history.state === null;
    const query = location.hash.split("?")[1];
    if (!fresh || query !== undefined) view = readView(query ?? "");
    else view.open = unfolded();
    picked = readPicks();
    history.replaceState({ ours: true }, "", address());
    show();
    if (fresh && query !== undefined) document.getElementById(anchor())?.scrollIntoView();
  }

  function show() {
    ask(null);
    look();
    tables.forEach(showTable);
    figures.forEach(showFigure);
    for (const lane of all(".lane[data-series]")) {
      lane.classList.toggle("off", isHidden(lane));
    }
    if (picks) showPicks();
    for (const [link, href] of links) link.setAttribute("href", carried(href));
  }

  // ---------------------------------------------------------------- tables

  const inWords = new Intl.Collator("en", { numeric: true }).compare;
  const NUMBER = /^[+\u2212-]?\d[\d,]*(\.\d+)?(\s*%)?$/;

  // A cell's own words, without the small print below them.
  function wordsOf(cell) {
    const own = [...cell.childNodes].filter((node) => !node.classList?.contains("note"));
    return own.map((node) => node.textContent).join("").trim();
  }

  function numberOf(cell) {
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const words = wordsOf(cell);
    if (!cell.classList.contains("n") || !NUMBER.test(words)) return NaN;
    return Number(words.replace("\u2212", "-").replace(/[,%\s]/g, ""));
  }

  // By number where the column has any (what has none comes last, either way), else by words.
  // Equal rows keep the page's order.
  function sorted(rows, { column, down }) {
    const numbers = new Map(rows.map((row) => [row, numberOf(row.cells[column])]));
    const missing = (row) => Number.isNaN(numbers.get(row));
    const way = down ? -1 : 1;
    if (rows.every(missing)) {
      const words = new Map(rows.map((row) => [row, wordsOf(row.cells[column])]));
      return [...rows].sort((a, b) => way * inWords(words.get(a), words.get(b)));
    }
    return [...rows].sort((a, b) =>
      missing(a) || missing(b)
        ? missing(a) - missing(b)
        : way * (numbers.get(a) - numbers.get(b)),
    );
  }

  function showTable(table) {
    const sort = view.sorts.get(table.id);
    const rows = sort ? sorted(table.rows, sort) : table.rows;
    const moved = rows.some((row, place) => row !== table.body.rows[place]);
    if (moved) table.body.append(...rows);
    table.heads.forEach((head, column) => {
      if (sort?.column !== column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    });
    for (const [column, select] of table.selects) {
      select.value = view.filters.get(`${table.id}.${column + 1}`) ?? "";
    }
    for (const row of table.rows) row.classList.toggle("off", !wanted(table, row));
    const n = table.rows.filter((row) => !row.classList.contains("off")).length;
    if (table.count) table.count.textContent = `${n} of ${table.rows.length} rows`;
    if (table.fold) table.fold.open = view.open.has(table.id);
  }

  function wanted(table, row) {
    if (isHidden(row)) return false;
    return [...table.selects].every(
      ([column, select]) => !select.value || wordsOf(row.cells[column]) === select.value,
    );
  }

  // Up, down, the page's own order.
  function sortBy(table, column) {
    const now = view.sorts.get(table.id);
    if (now?.column !== column) view.sorts.set(table.id, { column, down: false });
    else if (!now.down) view.sorts.set(table.id, { column, down: true });
    else view.sorts.delete(table.id);
    changed();
  }

  function addSorting(table) {
    if (!("sortable" in table.element.dataset) || table.rows.length < 2) return;
    table.heads.forEach((head, column) => {
      const button = make("button", { type: "button", class: "sort" }, head.firstChild);
      button.addEventListener("click", () => sortBy(table, column));
      head.prepend(button);
    });
  }

  function addFilters(table) {
    const tools = make("div", { class: "tools" });
    table.heads.forEach((head, column) => {
      if (head.dataset.filter === undefined) return;
      const counts = new Map();
      for (const row of table.rows) {
        const value = wordsOf(row.cells[column]);
        if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      if (counts.size < 2) return; // nothing to choose from
      const options = [...counts].map(([value, n]) => make("option", { value }, `${value} (${n})`));
      const select = make("select", {}, make("option", { value: "" }, "all"), ...options);
      select.addEventListener("change", () => {
        view.filters.set(`${table.id}.${column + 1}`, select.value);
        changed();
        say(table.count.textContent);
      });
      table.selects.set(column, select);
      tools.append(make("label", {}, `${head.dataset.filter} `, select));
    });
    if (table.selects.size === 0) return;
    table.count = make("span", { class: "count" });
    tools.append(table.count);
    table.element.closest(".scroll").before(tools);
  }

  // As the page has it: browsers unfold what a link leads to, and tell of each fold only later.
  function unfolded() {
    return new Set(tables.filter(({ fold }) => fold?.open).map(({ id }) => id));
  }

  // A table that fits has a head that sticks to the top; a long one that does not fit scrolls in a
  // region of its own, at whose top the head sticks.
  const fitting = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const region = target.closest(".scroll");
      const table = region.querySelector("table");
      const fits = table.offsetWidth <= region.clientWidth + 1;
      region.classList.toggle("fits", fits);
      region.classList.toggle("long", table.offsetHeight > 0.8 * innerHeight);
      region.tabIndex = fits ? -1 : 0; // only what scrolls is stopped at
    }
  });

  function addSticking({ element }) {
    fitting.observe(element);
    fitting.observe(element.closest(".scroll"));
  }

  function addFolding(table) {
    table.fold?.addEventListener("toggle", () => {
      if (table.fold.open !== view.open.has(table.id)) changed(); // else it was `showTable`
    });
  }

  // ---------------------------------------------------------------- networks that are looked at

  function addPicking() {
    if (!picks || networks.size < 2) return;
    const groups = new Set([...networks.values()].map((option) => option.dataset.of));
    for (const button of all("[data-group]", picks)) {
      if (groups.size < 2 || !groups.has(button.dataset.group)) button.remove();
      else button.addEventListener("click", () => toggle("group", button.dataset.group));
    }
    for (const option of [...chooser.options]) {
      if (option.value && !networks.has(option.value)) option.remove();
    }
    chooser.addEventListener("change", () => toggle("only", chooser.value));
    // An arrow key opens the list, and does not yet pick from it.
    chooser.addEventListener("keydown", (event) => {
      if (!["ArrowDown", "ArrowUp"].includes(event.key) || !chooser.showPicker) return;
      event.preventDefault();
      chooser.showPicker();
    });
    everything.addEventListener("click", () => {
      pick({ only: new Set(), group: new Set() });
      chooser.focus(); // a disabled button cannot keep the focus
    });
    addOnly();
    picks.hidden = false;
  }

  // "Only this" on every row: for the pointer, as the keyboard has the list above.
  function addOnly() {
    for (const row of all("tr[data-series], .lane[data-series]")) {
      const option = networks.get(row.dataset.series);
      if (!option) continue;
      const words = { title: `Only ${option.text}`, tabindex: "-1", "aria-hidden": "true" };
      const only = make("button", { type: "button", class: "only", ...words });
      only.addEventListener("click", () => {
        const alone = looked?.size === 1 && looked.has(option.value);
        pick({ only: new Set(alone ? [] : [option.value]), group: new Set() });
      });
      row.firstElementChild.append(only);
    }
  }

  function toggle(key, value) {
    if (!value) return;
    const values = new Set(picked[key]);
    if (!values.delete(value)) values.add(value);
    pick({ ...picked, [key]: values });
  }

  // What the reader looks at stays where it is, whatever vanishes above it.
  function pick(next) {
    const line = picks.getBoundingClientRect().bottom;
    const here = all("main h2, main .caption, main figure").find(
      (each) => each.getBoundingClientRect().top >= line,
    );
    const before = here?.getBoundingClientRect().top;
    picked = next;
    changed();
    const stays = here?.checkVisibility() && picks.getBoundingClientRect().top <= 60;
    if (stays) scrollBy({ top: here.getBoundingClientRect().top - before, behavior: "instant" });
    say(looked === null ? "All networks are shown" : `Shown: ${looked.size} of ${networks.size}`);
  }

  function showPicks() {
    for (const button of all("[data-group]", picks)) {
      button.setAttribute("aria-pressed", String(picked.group.has(button.dataset.group)));
    }
    for (const chip of all(".chip", picks)) chip.remove();
    const chips = [...networks].filter(([name]) => picked.only.has(name));
    for (const [name, option] of chips) {
      const words = { type: "button", class: "chip", "aria-pressed": "true" };
      const chip = make("button", words, option.text);
      chip.addEventListener("click", () => {
        toggle("only", name);
        chooser.focus();
      });
      chooser.before(chip);
    }
    for (const option of chooser.options) option.disabled = picked.only.has(option.value);
    chooser.value = "";
    chooser.options[0].text = chips.length ? "and …" : "only …";
    everything.disabled = picked.only.size + picked.group.size === 0;
  }

  // The report's other pages show the same networks.
  const links = all("a[href]")
    .map((link) => [link, link.getAttribute("href")])
    .filter(([, href]) => /^[^:?#]+\.html(#|$)/.test(href));

  const carried = (href) => href.replace(/(#|$)/, (rest) => writePicks() + rest);

  // Anchors stop below what sticks to the top.
  function leaveRoom() {
    const height = picks && !picks.hidden ? picks.offsetHeight : 0;
    document.documentElement.style.setProperty("--picks", `${height}px`);
  }

  function showFigure(figure) {
    const marks = all(".mark", figure);
    for (const mark of marks) mark.classList.toggle("off", isHidden(mark));
    for (const svg of all("svg", figure)) showRows(svg);
    for (const [text, owner] of namesIn(figure)) text.classList.toggle("off", isHidden(owner));
    figure.classList.toggle("off", marks.every(isHidden)); // axes around nothing help nobody
  }

  // Names beside marks go with them.
  const named = new Map(); // figure -> its texts that name a network

  function namesIn(figure) {
    if (!named.has(figure)) {
      const found = all("text", figure).map((text) => [text, ownerOf(text.textContent)]);
      named.set(figure, found.filter(([, owner]) => owner !== null));
    }
    return named.get(figure);
  }

  function ownerOf(words) {
    const fits = ([, option]) =>
      words === option.text || /^(, n = | · )/.test(words.replace(option.text, ""));
    const [name] = [...networks].find((each) => words.startsWith(each[1].text) && fits(each)) ?? [];
    return name === undefined ? null : { dataset: { series: name } };
  }

  // ---------------------------------------------------------------- rows of figures

  // A figure of rows closes up where a row is hidden. Its labels stand at one x, at equal
  // distances, each above its row or (ending at the axis) beside it. What is as high as several
  // rows, such as the target's line, is shortened; what lies below the last row moves up.
  const measured = new Map(); // svg -> its rows, measured while all of it was shown

  function showRows(svg) {
    if (!measured.has(svg)) {
      if (looked === null || !svg.checkVisibility()) return;
      for (const each of all(".off", svg)) each.classList.remove("off");
      measured.set(svg, rowsOf(svg));
      for (const mark of all(".mark", svg)) mark.classList.toggle("off", isHidden(mark));
    }
    const { box, rows, pitch, leaves } = measured.get(svg);
    if (!rows) return;
    const gone = rows.map((owners) => owners.length > 0 && owners.every(isHidden));
    const above = (row) => gone.slice(0, row).filter(Boolean).length * pitch;
    const saved = above(rows.length);
    for (const { leaf, row, y, height } of leaves) {
      if (!leaf.closest(".mark")) leaf.classList.toggle("off", gone[row] ?? false);
      const scale = (height - saved) / height; // of what is as high as all rows
      let moved = `translate(0 ${-(row === "after" ? saved : above(row))})`;
      if (row === "across") moved = `translate(0 ${y * (1 - scale)}) scale(1 ${scale})`;
      if (saved === 0 || row === "before") leaf.removeAttribute("transform");
      else leaf.setAttribute("transform", moved);
    }
    svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height - saved}`);
    svg.setAttribute("height", `${box.height - saved}pt`);
  }

  function rowsOf(svg) {
    const { x, y, width, height } = svg.viewBox.baseVal;
    const box = { x, y, width, height };
    const named = (text) =>
      !/middle/.test(text.getAttribute("style")) && !text.hasAttribute("transform");
    const columns = new Map();
    for (const text of all("text", svg).filter(named)) {
      const at = Math.round(Number(text.getAttribute("x")));
      columns.set(at, [...(columns.get(at) ?? []), text]);
    }
    const labels = [...columns.values()].sort((a, b) => b.length - a.length)[0] ?? [];
    const beside = /end/.test(labels[0]?.getAttribute("style"));
    // Of a label in several lines the last, which is as far above what it names as any other's.
    const lines = Map.groupBy(labels, (text) => text.parentNode);
    const most = Math.max(...[...lines.values()].map((each) => each.length));
    const places = [...lines.values()].map((each) => each.at(-1).getBBox());
    places.sort((a, b) => a.y - b.y);
    const pitch = (places.at(-1)?.y - places[0]?.y) / (places.length - 1);
    const even = places.every((place, row) => Math.abs(place.y - places[0].y - row * pitch) < 1);
    if (places.length < 2 || !even || !(pitch > 0)) return { box };
    const half = (places[0].height - pitch) / 2;
    const first = places[0].y + (beside ? half : (1 - most) * places[0].height);
    const leaves = all("path, use, text, image", svg)
      .filter((leaf) => !leaf.closest("defs"))
      .map((leaf) => ({ leaf, ...placed(leaf.getBBox(), first, pitch, places.length) }));
    const rows = places.map((_, row) =>
      leaves
        .filter((each) => each.row === row)
        .map(({ leaf }) => leaf.closest("[data-series]"))
        .filter(Boolean),
    );
    return { box, rows: rows.some((owners) => owners.length) && rows, pitch, leaves };
  }

  // Where something lies: in a row, across several of them, before the first or after the last.
  function placed(box, first, pitch, n) {
    const { y, height } = box;
    const row = Math.floor((y + height / 2 - first) / pitch);
    if (height > 1.2 * pitch) return { row: "across", y, height };
    if (y + height <= first + 1 || row < 0) return { row: "before", y, height };
    return { row: row >= n || y >= first + n * pitch - 1 ? "after" : row, y, height };
  }

  // ---------------------------------------------------------------- two networks side by side

  function addPairing(group) {
    const stacks = all(".stack", group);
    if (stacks.length < 3) return;
    const select = (words, place) => {
      const options = stacks.map((stack, value) =>
        make("option", { value }, stack.querySelector("h3").textContent),
      );
      const found = make("select", {}, ...options);
      found.value = String(place);
      found.addEventListener("change", show);
      tools.append(make("label", {}, `${words} `, found));
      return found;
    };
    const show = () => {
      const places = [left, right].map((each) => Number(each.value));
      stacks.forEach((stack, place) => {
        stack.classList.toggle("off", !places.includes(place));
        stack.classList.toggle("second", place === places[1] && place !== places[0]);
      });
    };
    const tools = make("div", { class: "tools" });
    const [left, right] = [select("Left", 0), select("Right", 1)];
    group.before(tools);
    show();
  }

  // ---------------------------------------------------------------- cards on a phone

  // The style hides on a narrow screen alone; the button is seen only there.
  function addMore(card) {
    const button = make("button", { type: "button", class: "more", "aria-expanded": "false" });
    button.setAttribute("aria-label", "more: what would change it, and the records");
    button.append("more");
    button.addEventListener("click", () => {
      const isBrief = card.classList.toggle("brief");
      button.setAttribute("aria-expanded", String(!isBrief));
    });
    card.classList.add("brief");
    card.querySelector(":scope > .note").append(button);
  }

  // ---------------------------------------------------------------- verdicts after fewer runs

  function addReplay(control) {
    const slider = control.querySelector("input");
    const lanes = all(".lane[data-steps]", control.closest("section")).map((lane) => ({
      steps: JSON.parse(lane.dataset.steps),
      numbers: all(".n", lane),
      badge: lane.querySelector(".badge-cell"),
      whole: all(".n, .badge-cell", lane).map((cell) => [...cell.childNodes]),
      marks: all(".mark", lane),
    }));
    const replay = () => {
      lanes.forEach((lane) => replayLane(lane, slider.valueAsNumber));
      const early = `after run ${slider.value} of each; everything but these rows is about all runs`;
      const said = slider.value === slider.max ? "all runs" : early;
      control.querySelector("output").textContent = said;
    };
    slider.addEventListener("input", replay);
    control.hidden = false;
    replay(); // going back, a browser may have kept where the slider stood
  }

  // A network with fewer runs stays as it is. The mean's stroke is that of all runs.
  function replayLane({ steps, numbers, badge, whole, marks }, n) {
    ask(null);
    const seeds = new Set(steps.slice(0, n).map(([seed]) => String(seed)));
    for (const mark of marks) {
      const [, seed] = /, seed (\d+):/.exec(mark.dataset.tip) ?? [];
      const later = seed === undefined ? /^mean /.test(mark.dataset.tip) : !seeds.has(seed);
      mark.classList.toggle("later", n < steps.length && later);
    }
    [...numbers, badge].forEach((cell, place) => cell.replaceChildren(...whole[place]));
    if (n >= steps.length) return;
    const [, mean, reached, bounds, verdict, kind, note] = steps[n - 1];
    const small = (words) => make("span", { class: "note" }, words);
    numbers[0].replaceChildren(mean, ...whole[0].filter((node) => node.nodeType === 1));
    numbers[1].replaceChildren(reached, small(bounds));
    badge.replaceChildren(make("b", { class: `badge ${kind}` }, verdict), small(note));
  }

  // ---------------------------------------------------------------- marks that speak

  let asked = null; // the mark whose words are shown
  let spot = { x: 0, y: 0 }; // where on it, from its box's corner
  const NEAR = [0, 3, 6, 9]; // CSS pixels: a thin line is hard to hit

  function ask(mark, pointer = null) {
    asked?.classList.remove("lit");
    if (asked !== mark) say(mark?.dataset.tip ?? "");
    asked = mark;
    tip.hidden = mark === null;
    if (mark === null) return;
    mark.classList.add("lit");
    tip.textContent = mark.dataset.tip;
    const box = mark.getBoundingClientRect();
    const wide = pointer !== null && Math.max(box.width, box.height) > 24;
    spot = wide
      ? { x: pointer.clientX - box.x, y: pointer.clientY - box.y }
      : { x: box.width / 2, y: box.height / 2 };
    placeTip();
  }

  // Above the mark where there is room, else below, and never out of the window.
  function placeTip() {
    if (asked === null) return;
    const box = asked.getBoundingClientRect();
    const [x, y, gap] = [box.x + spot.x, box.y + spot.y, 14];
    const { width, height } = tip.getBoundingClientRect();
    const most = document.documentElement.clientWidth - width - 8;
    const above = y - height - gap;
    const top = above >= 8 ? above : y + gap;
    tip.style.left = `${Math.max(8, Math.min(x - width / 2, most))}px`;
    tip.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  }

  // The mark under the pointer, else one close by.
  function markNear(x, y) {
    for (const distance of NEAR) {
      for (let step = 0; step < (distance ? 8 : 1); step += 1) {
        const [dx, dy] = [Math.cos((step * Math.PI) / 4), Math.sin((step * Math.PI) / 4)];
        const element = document.elementFromPoint(x + distance * dx, y + distance * dy);
        const mark = element?.closest(".mark");
        if (mark) return mark;
      }
    }
    return null;
  }

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  function walk(figure, event) {
    const marks = all(".mark", figure).filter((mark) => mark.checkVisibility());
    const last = marks.length - 1;
    const here = marks.indexOf(asked);
    let next;
    if (event.key in STEPS) next = here < 0 && STEPS[event.key] < 0 ? last : here + STEPS[event.key];
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = last;
    else return;
    event.preventDefault(); // the page does not scroll
    const mark = marks[Math.max(0, Math.min(next, last))];
    mark?.scrollIntoView({ block: "nearest", inline: "nearest" });
    ask(mark ?? null);
  }

  function addAsking(figure) {
    figure.tabIndex = 0;
    figure.setAttribute("aria-describedby", "walking");
    figure.addEventListener("keydown", (event) => walk(figure, event));
    figure.addEventListener("blur", () => ask(null));
    figure.addEventListener("pointerleave", () => ask(null));
    for (const kind of ["pointermove", "pointerdown"]) {
      figure.addEventListener(kind, (event) => {
        const mark = markNear(event.clientX, event.clientY);
        if (mark !== asked) ask(mark, event);
      });
    }
  }

  // A number of a document says what became of it; a finger follows the link instead.
  function addTelling(link) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") ask(link, event);
    });
    link.addEventListener("pointerleave", () => ask(null));
    link.addEventListener("focus", () => link.matches(":focus-visible") && ask(link));
    link.addEventListener("blur", () => ask(null));
  }

  // ---------------------------------------------------------------- the bar

  function closeMenus(but = null) {
    for (const menu of all(".bar details[open]")) if (menu !== but) menu.open = false;
  }

  // ---------------------------------------------------------------- all together

  const walking = make("p", { id: "walking", hidden: "" }, "Arrow keys walk the marks, Escape leaves them.");
  document.body.append(spoken, tip, walking);
  tables.forEach(addFilters);
  tables.forEach(addSorting);
  tables.forEach(addFolding);
  tables.forEach(addSticking);
  figures.forEach(addAsking);
  all("a[data-tip]").forEach(addTelling);
  all(".card").forEach(addMore);
  all(".replay").forEach(addReplay);
  all(".stacks").forEach(addPairing);
  addPicking();
  leaveRoom();
  restore();

  addEventListener("hashchange", restore);
  addEventListener("popstate", () => {
    if (location.search !== writePicks()) restore();
  });
  paper.addEventListener("change", show);
  addEventListener("scroll", placeTip, { passive: true });
  addEventListener("resize", placeTip);
  addEventListener("resize", leaveRoom);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    ask(null);
    const menu = document.activeElement?.closest(".bar details[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });
  addEventListener("click", (event) => {
    const link = event.target.closest(".bar details a");
    closeMenus(link ? null : event.target.closest(".bar details"));
  });
}
