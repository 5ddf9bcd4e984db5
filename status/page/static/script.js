// What the page does beyond what the server made: filter at once, expand without loading, and stay up to date.
// Without it everything works, by loading pages.
"use strict";
(() => {
	const root = document.documentElement;
	root.classList.add("js");
	const $ = (id) => document.getElementById(id);
	// What is put into the page as HTML is from our own server, which escaped it.
	const policy = window.trustedTypes
		? trustedTypes.createPolicy("reconcile", { createHTML: (text) => text })
		: { createHTML: (text) => text };
	const fragment = (html) => {
		const t = document.createElement("template");
		t.innerHTML = policy.createHTML(html);
		return t.content;
	};
	const form = $("view");
	const table = document.querySelector(".grid");
	const rows = () => table.querySelectorAll("tr.row");

	// Times are shown in the reader's own zone, and in UTC when pointed at.
	const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
	const localise = (within) => {
		for (const t of within.querySelectorAll("time[datetime]:not([title])")) {
			t.title = t.textContent;
			t.textContent = zone.format(new Date(t.dateTime));
		}
	};

	// Filter

	const filters = () => {
		const get = (name) => form.elements[name]?.value ?? "";
		return { words: get("q").toLowerCase().split(/\s+/).filter(Boolean), status: get("status"), cluster: get("cluster"),
			region: get("region"), organization: get("organization") };
	};
	const fits = (row, f) => {
		const d = row.dataset;
		if (f.status && (f.status === "held" ? !("held" in d) : d.status !== f.status)) return false;
		if (f.cluster && d.cluster !== f.cluster || f.region && d.region !== f.region) return false;
		if (f.organization && !d.orgs.includes("|" + f.organization + "|")) return false;
		return f.words.every((w) => d.t.includes(w));
	};
	const details = (row) => {
		const next = row.nextElementSibling;
		return next?.classList.contains("details") ? next : null;
	};
	const filter = () => {
		const f = filters();
		let shown = 0, total = 0;
		for (const body of table.tBodies) {
			let here = 0, all = 0;
			for (const row of body.rows) {
				if (!row.classList.contains("row")) continue;
				const fit = fits(row, f);
				if (row.hidden === fit) row.hidden = !fit;
				const more = details(row);
				if (more) more.hidden = !fit;
				all++;
				if (fit) here++;
			}
			const head = body.querySelector("tr.group");
			if (head) {
				head.hidden = here === 0;
				head.querySelector(".shown-here").textContent = here;
				head.querySelector(".total-here").textContent = all;
			}
			shown += here;
			total += all;
		}
		$("shown").textContent = shown + " of " + total;
		$("none").hidden = shown > 0;
		$("clear").hidden = !(f.words.length || f.status || f.cluster || f.region || f.organization);
		for (const a of document.querySelectorAll("#summary a")) {
			a.toggleAttribute("aria-current", a.dataset.status === f.status);
			if (a.dataset.status === f.status) a.setAttribute("aria-current", "true");
		}
	};
	const address = () => {
		const q = new URLSearchParams();
		for (const [key, value] of new FormData(form)) if (value && !(key === "sort" && value === "name")) q.set(key, value);
		const text = q.toString();
		return text ? "/?" + text : "/";
	};
	const changed = () => {
		filter();
		history.replaceState(null, "", address());
		for (const a of table.querySelectorAll(".head a")) { // what is left out stays so in another order
			const to = new URL(a.href), now = new URL(address(), location.href);
			for (const key of ["q", "status", "cluster", "region", "organization", "group"]) {
				to.searchParams.delete(key);
				if (now.searchParams.get(key)) to.searchParams.set(key, now.searchParams.get(key));
			}
			a.href = to;
		}
	};

	// Expand

	const load = async (row) => {
		const answer = await fetch("/parts/providers/" + encodeURIComponent(row.dataset.name));
		if (!answer.ok) return null;
		return fragment(await answer.text());
	};
	const fill = async (row) => {
		const content = await load(row);
		const more = details(row);
		if (!more || !content) return;
		localise(content);
		keepFocus(more, () => more.firstElementChild.replaceChildren(content));
	};
	const toggle = (button) => {
		const row = button.closest("tr");
		const more = details(row);
		button.setAttribute("aria-expanded", String(!more));
		if (more) return void more.remove();
		const next = document.createElement("tr");
		next.className = "details";
		next.id = "d-" + row.dataset.name;
		next.setAttribute("role", "row");
		const cell = next.insertCell();
		cell.colSpan = 7;
		cell.setAttribute("role", "cell");
		cell.textContent = "…";
		row.after(next);
		return fill(row);
	};

	// Stay up to date

	// keepFocus replaces something, and leaves the focus and what is unfolded as they were.
	const keepFocus = (within, replace) => {
		const path = (e) => {
			const all = [...within.querySelectorAll(e.tagName)];
			return [e.tagName, all.indexOf(e)];
		};
		const active = within.contains(document.activeElement) ? path(document.activeElement) : null;
		const open = [...within.querySelectorAll("details[open]")].map(path);
		replace();
		for (const [tag, i] of open) within.querySelectorAll(tag)[i]?.setAttribute("open", "");
		if (active) within.querySelectorAll(active[0])[active[1]]?.focus({ preventScroll: true });
	};
	const place = (news, row) => {
		const body = [...table.tBodies].find((b) => b.dataset.group === news.group);
		if (!body) return location.reload();
		const after = news.after && $("p-" + news.after);
		if (after) return (details(after) ?? after).after(row);
		const head = body.querySelector("tr.group");
		head ? head.after(row) : body.prepend(row);
	};
	const said = [];
	const say = (text) => {
		said.push(text);
		setTimeout(() => {
			if (!said.length) return;
			$("announce").textContent = said.length > 3 ? said.length + " providers changed" : said.join("; ");
			said.length = 0;
		}, 500);
	};
	const update = (news) => {
		const row = fragment("<table><tbody>" + news.html + "</tbody></table>").querySelector("tr");
		const old = $("p-" + news.name);
		row.classList.add("new");
		if (!old) {
			say(news.name + " is new: " + row.dataset.label);
			return place(news, row);
		}
		if (old.dataset.label !== row.dataset.label) say(news.name + " is " + row.dataset.label);
		const more = details(old);
		if (more) row.querySelector(".toggle").setAttribute("aria-expanded", "true");
		const body = old.closest("tbody");
		keepFocus(old, () => { // the row itself is replaced, and what had the focus in it has it again
			const focus = old.contains(document.activeElement) ? [...old.querySelectorAll("a,button")].indexOf(document.activeElement) : -1;
			old.replaceWith(row);
			if (focus >= 0) row.querySelectorAll("a,button")[focus]?.focus({ preventScroll: true });
		});
		if (body.dataset.group !== news.group) return location.reload();
		if (more) fill(row);
	};
	const take = (news) => {
		if (news.reset) return location.reload();
		for (const [id, html] of Object.entries(news.parts)) {
			const part = $(id);
			if (!part) continue;
			const content = fragment(html);
			localise(content);
			keepFocus(part, () => part.replaceChildren(content));
		}
		if (!table) return;
		for (const name of news.gone) {
			const row = $("p-" + name);
			if (!row) continue;
			details(row)?.remove();
			row.remove();
			say(name + " is gone");
		}
		for (const row of news.rows) update(row);
		if (news.rows.length || news.gone.length || "summary" in news.parts) filter();
	};
	let stream = null, since = document.body.dataset.seq;
	const pulse = (state, text) => {
		$("pulse").className = "pulse " + state;
		$("pulse").title = text;
	};
	// again asks whether the page itself is still to be had: who has to sign in anew is led there.
	const again = async () => {
		const answer = await fetch(location.href, { method: "HEAD", headers: { Accept: "text/html" } }).catch(() => null);
		if (answer?.redirected) return location.reload();
		stream ?? listen();
	};
	const listen = () => {
		const of = location.pathname + location.search;
		stream = new EventSource("/live?of=" + encodeURIComponent(of) + "&since=" + encodeURIComponent(since));
		stream.onopen = () => pulse("on", "kept up to date");
		stream.onerror = () => {
			pulse("off", "the connection is lost; it is tried again");
			if (stream.readyState !== EventSource.CLOSED) return;
			stream = null;
			setTimeout(() => stream ?? again(), 5000);
		};
		stream.addEventListener("news", (event) => {
			since = event.lastEventId;
			take(JSON.parse(event.data));
		});
	};
	// A page that nobody sees needs no connection, of which browsers have few.
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) {
			stream?.close();
			stream = null;
		} else if (!stream) listen();
	});

	if (form) {
		form.addEventListener("input", (event) => {
			if (!("reload" in event.target.dataset)) changed();
		});
		form.addEventListener("change", (event) => {
			if ("reload" in event.target.dataset) location.href = address();
		});
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			if (!event.submitter?.classList.contains("toggle")) changed();
		});
		document.addEventListener("click", (event) => {
			const button = event.target.closest?.(".toggle");
			if (button) {
				event.preventDefault();
				return void toggle(button);
			}
			const link = event.target.closest?.("#summary a");
			if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
			event.preventDefault();
			const status = form.elements.status;
			status.value = status.value === link.dataset.status ? "" : link.dataset.status;
			changed();
		});
		document.addEventListener("keydown", (event) => {
			if (event.key === "/" && !event.target.closest("input,select,textarea")) {
				event.preventDefault();
				form.elements.q.focus();
			}
			if (event.key === "Escape" && event.target === form.elements.q && form.elements.q.value) {
				form.elements.q.value = "";
				changed();
			}
		});
	}
	localise(document);
	listen();
})();
