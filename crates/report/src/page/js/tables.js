// Tables that a click on a head sorts; a cell's key goes before its text.

function sortKey(row, column) {
  const cell = row.cells[column];
  const key = cell.dataset.key ?? cell.textContent;
  const number = Number(key);
  return key !== '' && !Number.isNaN(number) ? number : key;
}

function inOrder(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en');
}

function sortBy(table, head) {
  const column = head.cellIndex;
  const direction = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
  for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', direction);
  const sign = direction === 'ascending' ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => sign * inOrder(sortKey(a, column), sortKey(b, column)));
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll('.sortable table')) {
  for (const head of table.querySelectorAll('th')) {
    const button = make('button', { type: 'button' }, ...head.childNodes);
    button.addEventListener('click', () => sortBy(table, head));
    head.append(button);
  }
}

