for (const place of reveal('#explorer-view')) explorer(place, JSON.parse(document.getElementById('explorer-data').textContent));
