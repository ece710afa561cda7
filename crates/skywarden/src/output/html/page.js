// The list of assessments. Everything shown is set as text, never as markup.
//
// The data: `texts` holds every text once, and numbers elsewhere are positions in it. `resources` and `assessments` are lists by
// column. `assessments.check` is a position in `checks`, `assessments.evidence` one in `evidence`, where each list holds field,
// expected, found and source of one observation after the other. The findings of assessment i are those from `firstFinding[i]`
// up to `firstFinding[i + 1]`.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { texts, resources, checks, assessments, assessmentResource, firstFinding, findings, evidence } = data;
  const CLASSES = ["unhealthy", "unknown", "healthy", "not-applicable"];
  const STATUSES = ["unhealthy", "unknown", "healthy", "not applicable"];
  const SEVERITIES = ["Critical", "High", "Medium", "Low"];
  const [ID, TITLE, SEVERITY, DESCRIPTION, STEPS, COMMAND, TERRAFORM, LINKS, CONTROLS] = checks.length ? checks[0].keys() : [];
  const nAssessments = assessments.check.length;

  const byId = (id) => document.getElementById(id);
  const [filters, shown, list, rows, space, detail] = ["filters", "shown", "list", "rows", "space", "detail"].map(byId);
  const count = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const badge = (status) => make("span", `badge ${CLASSES[status]}`, STATUSES[status]);
  const severity = (number) => make("span", `severity ${SEVERITIES[number].toLowerCase()}`, SEVERITIES[number]);

  // Which assessments are shown, in which order.
  let order = [];
  let sorting = { key: "status", up: true };
  let onlyCheck = null;

  const lower = texts.map((text) => text.toLowerCase());
  const rankOf = (positions) => {
    const sorted = [...new Set(positions)].sort((left, right) => (lower[left] < lower[right] ? -1 : lower[left] > lower[right] ? 1 : 0));
    return new Map(sorted.map((position, rank) => [position, rank]));
  };
  const titleRank = rankOf(checks.map((check) => check[TITLE]));
  const nameRank = rankOf(resources.name);
  const placeRank = rankOf([...resources.account, ...resources.region]);
  const KEYS = {
    status: (i) => assessments.status[i] * 4 + checks[assessments.check[i]][SEVERITY],
    severity: (i) => checks[assessments.check[i]][SEVERITY] * 4 + assessments.status[i],
    title: (i) => titleRank.get(checks[assessments.check[i]][TITLE]),
    resource: (i) => nameRank.get(resources.name[assessmentResource[i]]),
    where: (i) => placeRank.get(resources.account[assessmentResource[i]]) * placeRank.size + placeRank.get(resources.region[assessmentResource[i]]),
  };

  function hasFinding(i, check) {
    for (let finding = firstFinding[i]; finding < firstFinding[i + 1]; finding += 1) {
      if (findings.check[finding] === check) return true;
    }
    return false;
  }

  function choose() {
    const form = new FormData(filters);
    const statuses = new Set(form.getAll("status").map((name) => CLASSES.indexOf(name)));
    const worst = form.get("severity") ? SEVERITIES.indexOf(form.get("severity")) : SEVERITIES.length;
    const [type, account] = [form.get("type"), form.get("account")];
    const words = form.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    // Each word is looked for once in every text, then only positions are compared.
    const having = words.map((word) => lower.map((text) => text.includes(word)));
    const inCheck = having.map((has) => checks.map((check) => has[check[ID]] || has[check[TITLE]]));
    const inResource = having.map((has) => resources.id.map((id, r) => has[id] || has[resources.name[r]] || has[resources.type[r]]));
    const fits = resources.id.map((_, r) => (!type || String(resources.type[r]) === type) && (!account || String(resources.account[r]) === account));
    order = [];
    for (let i = 0; i < nAssessments; i += 1) {
      const [check, resource] = [assessments.check[i], assessmentResource[i]];
      if (!statuses.has(assessments.status[i]) || checks[check][SEVERITY] > worst || !fits[resource]) continue;
      if (onlyCheck !== null && check !== onlyCheck && !hasFinding(i, onlyCheck)) continue;
      if (words.every((_, word) => inCheck[word][check] || inResource[word][resource])) order.push(i);
    }
    const key = KEYS[sorting.key];
    const keys = new Map(order.map((i) => [i, key(i)]));
    const sign = sorting.up ? 1 : -1;
    order.sort((left, right) => sign * (keys.get(left) - keys.get(right)) || left - right);
    current = -1;
    showCount();
    rows.scrollTop = 0;
    fit();
    draw();
  }

  function showCount() {
    shown.textContent = `${count(order.length)} of ${count(nAssessments)} assessments`;
    if (onlyCheck === null) return;
    shown.append(` of “${texts[checks[onlyCheck][TITLE]]}”`);
    const all = make("button", "", "show all");
    all.type = "button";
    all.addEventListener("click", () => { onlyCheck = null; choose(); });
    shown.append(all);
  }

  // Only the rows in view exist; they are used again as the list moves.
  let rowHeight = 0;
  let current = -1;
  const pool = [];

  function newRow() {
    const row = make("div", "row");
    row.setAttribute("role", "row");
    const cells = ["state", "grade", "name", "thing", "place"].map((name) => {
      const cell = make("span", name);
      cell.setAttribute("role", "cell");
      row.append(cell);
      return cell;
    });
    rows.append(row);
    return { row, cells, at: -1, i: -1 };
  }

  function fill(slot, at) {
    const i = order[at];
    const [check, r] = [checks[assessments.check[i]], assessmentResource[i]];
    slot.row.hidden = false;
    slot.row.style.transform = `translateY(${at * rowHeight}px)`;
    slot.row.classList.toggle("current", at === current);
    slot.at = at;
    if (slot.i === i) return;
    slot.i = i;
    slot.row.setAttribute("aria-rowindex", String(at + 2));
    const [state, grade, name, thing, place] = slot.cells;
    state.replaceChildren(badge(assessments.status[i]));
    grade.replaceChildren(severity(check[SEVERITY]));
    name.textContent = name.title = texts[check[TITLE]];
    thing.textContent = texts[resources.name[r]];
    thing.title = texts[resources.id[r]];
    place.textContent = `${texts[resources.account[r]]} ${texts[resources.region[r]]}`;
  }

  function draw() {
    const first = Math.max(0, Math.floor(rows.scrollTop / rowHeight) - 4);
    const last = Math.min(order.length, Math.ceil((rows.scrollTop + rows.clientHeight) / rowHeight) + 4);
    while (pool.length < last - first) pool.push(newRow());
    pool.forEach((slot, position) => {
      if (first + position < last) {
        fill(slot, first + position);
      } else {
        slot.row.hidden = true;
        slot.at = -1;
      }
    });
    list.setAttribute("aria-rowcount", String(order.length + 1));
  }

  // The list is as high as its rows, up to the limit in page.css.
  function fit() {
    space.style.height = `${order.length * rowHeight}px`;
    rows.style.height = `${Math.max(2, order.length) * rowHeight}px`;
  }

  function measure() {
    const wanted = Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
    const top = rowHeight ? rows.scrollTop / rowHeight : 0;
    rowHeight = wanted;
    list.style.setProperty("--bar", `${rows.offsetWidth - rows.clientWidth}px`);
    fit();
    rows.scrollTop = top * rowHeight;
    draw();
  }

  function definition(body, name, value) {
    if (!value) return;
    const element = value instanceof Node ? value : document.createTextNode(value);
    const text = make("dd");
    text.append(element);
    body.append(make("dt", "", name), text);
  }

  function observations(position) {
    const entries = evidence[position];
    if (!entries.length) return null;
    const table = make("table");
    const head = table.createTHead().insertRow();
    for (const name of ["Field", "Found", "Tested", "Read by"]) head.append(make("th", "", name));
    const body = table.createTBody();
    for (let at = 0; at < entries.length; at += 4) {
      const row = body.insertRow();
      const [field, expected, found, source] = entries.slice(at, at + 4).map((position) => texts[position]);
      for (const [label, text] of [["", field], ["Found", found], ["Tested", expected], ["Read by", source]]) {
        const cell = row.insertCell();
        cell.className = "code";
        if (label && text) cell.dataset.label = label;
        cell.textContent = text;
      }
    }
    return table;
  }

  function findingsOf(i) {
    const table = make("table");
    const head = table.createTHead().insertRow();
    for (const name of ["Rule", "Status", "Severity"]) head.append(make("th", "", name));
    const body = table.createTBody();
    const own = [];
    for (let finding = firstFinding[i]; finding < firstFinding[i + 1]; finding += 1) own.push(finding);
    own.sort((left, right) => findings.status[left] - findings.status[right] || checks[findings.check[left]][SEVERITY] - checks[findings.check[right]][SEVERITY]);
    for (const finding of own) {
      const check = checks[findings.check[finding]];
      const row = body.insertRow();
      const cell = row.insertCell();
      const more = make("details");
      more.append(make("summary", "", texts[check[TITLE]]));
      const cause = texts[findings.cause[finding]];
      if (cause) more.append(make("p", "", cause));
      const seen = observations(findings.evidence[finding]);
      if (seen) more.append(seen);
      if (findings.status[finding] === 0) more.append(make("p", "", texts[check[STEPS]]));
      cell.append(more);
      row.insertCell().append(badge(findings.status[finding]));
      row.insertCell().append(severity(check[SEVERITY]));
    }
    return table;
  }

  function open(i) {
    const [check, r] = [checks[assessments.check[i]], assessmentResource[i]];
    byId("detail-title").textContent = texts[check[TITLE]];
    const body = byId("detail-body");
    const facts = make("dl");
    definition(facts, "Status", badge(assessments.status[i]));
    definition(facts, "Cause", texts[assessments.cause[i]]);
    definition(facts, "Severity", severity(check[SEVERITY]));
    definition(facts, "Resource", texts[resources.name[r]]);
    definition(facts, "Id", texts[resources.id[r]]);
    definition(facts, "Type", texts[resources.type[r]]);
    definition(facts, "Where", `${texts[resources.account[r]]}, ${texts[resources.region[r]]}`);
    definition(facts, "Check", texts[check[ID]]);
    definition(facts, "Covers", check[CONTROLS].join(", "));
    body.replaceChildren(facts);
    const part = (title, ...elements) => {
      const present = elements.filter(Boolean);
      if (present.length) body.append(make("h3", "", title), ...present);
    };
    part("Evidence", observations(assessments.evidence[i]));
    if (firstFinding[i] < firstFinding[i + 1]) part("Rules", findingsOf(i));
    part("Why it matters", texts[check[DESCRIPTION]] && make("p", "", texts[check[DESCRIPTION]]));
    part(
      "How to mend it",
      texts[check[STEPS]] && make("p", "", texts[check[STEPS]]),
      texts[check[COMMAND]] && make("pre", "", texts[check[COMMAND]]),
      texts[check[TERRAFORM]] && make("pre", "", texts[check[TERRAFORM]]),
    );
    const links = check[LINKS].filter((link) => link.startsWith("https://")).map((link) => {
      const line = make("p");
      const anchor = make("a", "", link);
      anchor.href = link;
      anchor.rel = "noreferrer noopener";
      line.append(anchor);
      return line;
    });
    part("Further reading", ...links);
    detail.showModal();
    detail.scrollTop = 0;
  }

  function go(to) {
    current = Math.max(0, Math.min(order.length - 1, to));
    const top = current * rowHeight;
    if (top < rows.scrollTop) rows.scrollTop = top;
    if (top + rowHeight > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + rowHeight - rows.clientHeight;
    draw();
  }

  rows.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(rows.clientHeight / rowHeight) - 1);
    const steps = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: order.length - 1 };
    if (event.key in steps && order.length) {
      event.preventDefault();
      go(steps[event.key]);
    } else if (event.key === "Enter" && current >= 0) {
      event.preventDefault();
      open(order[current]);
    }
  });
  rows.addEventListener("click", (event) => {
    const slot = pool.find((own) => own.row.contains(event.target));
    if (!slot || slot.at < 0) return;
    current = slot.at;
    draw();
    open(order[slot.at]);
  });
  let waiting = false;
  rows.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  });
  window.addEventListener("resize", measure);
  detail.addEventListener("click", (event) => { if (event.target === detail) detail.close(); });

  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", choose);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (!button) return;
    const key = button.dataset.sort;
    sorting = { key, up: sorting.key === key ? !sorting.up : true };
    showSorting();
    choose();
  });
  function showSorting() {
    for (const button of list.querySelectorAll("[data-sort]")) {
      const isOwn = button.dataset.sort === sorting.key;
      const [word, order] = sorting.up ? ["ascending", "up"] : ["descending", "down"];
      button.dataset.order = isOwn ? order : "";
      button.parentElement.setAttribute("aria-sort", isOwn ? word : "none");
    }
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-recommendation]");
    if (!link) return;
    const check = checks.findIndex((own) => texts[own[ID]] === link.dataset.recommendation);
    onlyCheck = check < 0 ? null : check;
    // Whoever follows a check wants to see all that it judged.
    for (const box of filters.elements.status) box.checked = box.value !== "not-applicable";
    for (const name of ["text", "severity", "type", "account"]) filters.elements[name].value = "";
    choose();
  });

  function options(name, positions) {
    const select = filters.elements[name];
    const sorted = [...new Set(positions)].sort((left, right) => (lower[left] < lower[right] ? -1 : 1));
    for (const position of sorted) {
      const option = make("option", "", texts[position]);
      option.value = String(position);
      select.append(option);
    }
  }
  options("type", resources.type);
  options("account", resources.account);
  showSorting();
  measure();
  choose();
})();
