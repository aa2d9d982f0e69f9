// A number's source: its title, shown on hover, on focus and on tap, and hidden by Escape. In a table one number takes part in the order of
// the Tab key, and the arrows go from there: hundreds of stops would bar the way to what follows.

const source = make('div', { id: 'source', role: 'tooltip', hidden: '' });
document.body.append(source);
let shownFor = null;
let pinned = false;
let leaving = 0;

function showSource(number) {
  clearTimeout(leaving);
  const [madeBy, place] = number.dataset.source.split('\n');
  source.replaceChildren(madeBy, ...(place ? [make('code', {}, place)] : []));
  if (shownFor && shownFor !== number) shownFor.removeAttribute('aria-describedby');
  number.setAttribute('aria-describedby', 'source');
  shownFor = number;
  source.hidden = false;
  const at = number.getBoundingClientRect();
  const width = source.offsetWidth;
  const left = Math.max(8, Math.min(at.left + at.width / 2 - width / 2, root.clientWidth - width - 8));
  const below = at.bottom + 8 + source.offsetHeight < innerHeight || at.top < source.offsetHeight + 60;
  source.style.left = `${left + scrollX}px`;
  source.style.top = `${scrollY + (below ? at.bottom + 6 : at.top - source.offsetHeight - 6)}px`;
}

function hideSource() {
  clearTimeout(leaving);
  shownFor?.removeAttribute('aria-describedby');
  shownFor = null;
  pinned = false;
  source.hidden = true;
}

/** The pointer may go over to the source to read it, and does not lose it on the way. */
function leaveSource() {
  if (!pinned) leaving = setTimeout(hideSource, 180);
}

const numberAt = (event) => event.target.closest?.('.n');

for (const number of document.querySelectorAll('.n')) {
  number.dataset.source = number.title;
  number.removeAttribute('title');
  number.tabIndex = number.closest('table') ? -1 : 0;
}
for (const table of document.querySelectorAll('table')) {
  const first = table.querySelector('.n');
  if (first) first.tabIndex = 0;
}

document.addEventListener('pointerover', (event) => {
  if (event.pointerType !== 'mouse') return;
  const number = numberAt(event);
  if (number && !pinned) showSource(number);
  else if (source.contains(event.target)) clearTimeout(leaving);
});
document.addEventListener('pointerout', (event) => {
  if (event.pointerType === 'mouse' && (numberAt(event) || source.contains(event.target))) leaveSource();
});
document.addEventListener('click', (event) => {
  const number = numberAt(event);
  if (number && !(pinned && number === shownFor)) {
    showSource(number);
    pinned = true;
  } else if (!source.contains(event.target)) {
    hideSource();
  }
});
document.addEventListener('focusin', (event) => {
  const number = numberAt(event);
  if (number?.matches(':focus-visible')) showSource(number);
});
document.addEventListener('focusout', (event) => { if (numberAt(event)) leaveSource(); });

const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && shownFor) return hideSource();
  const number = numberAt(event);
  const table = number?.closest('table');
  if (!table || !(event.key in ARROWS)) return;
  event.preventDefault();
  const next = nextNumber(number, table, event.key);
  if (!next) return;
  number.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  showSource(next);
});

/** Left and right go through the numbers in order, up and down to the same place of the row above or below. */
function nextNumber(number, table, key) {
  const step = ARROWS[key];
  if (key === 'ArrowRight' || key === 'ArrowLeft') {
    const all = [...table.querySelectorAll('.n')];
    return all[all.indexOf(number) + step];
  }
  const row = number.closest('tr');
  const place = [...row.querySelectorAll('.n')].indexOf(number);
  const other = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  const there = other ? [...other.querySelectorAll('.n')] : [];
  return there[Math.min(place, there.length - 1)];
}

