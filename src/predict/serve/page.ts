/** The page on which a photo is dropped; it needs nothing from any network. */

/** Names come from the server as JSON and are set as text, so that nothing in them is ever markup. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>permafrost</title>
<style>
:root { color-scheme: light dark; font: 16px system-ui, sans-serif }
body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
label { display: block; padding: 3rem 1rem; border: 2px dashed; border-radius: .5rem; text-align: center; cursor: pointer }
label:focus-within, label.over { outline: 3px solid Highlight }
input { position: absolute; opacity: 0 }
img { display: block; max-width: 100%; max-height: 20rem; margin: 1rem auto }
td:last-child { text-align: right; padding-left: 2rem; font-variant-numeric: tabular-nums }
</style>
<h1>permafrost</h1>
<label id="drop">Drop a photo here, or choose one<input id="file" type="file" accept="image/*"></label>
<img id="photo" alt="" hidden>
<p id="status" role="status"></p>
<table id="probabilities"></table>
<script>
const element = (id) => document.getElementById(id);
async function show(file) {
  if (!file) return;
  element('photo').src = URL.createObjectURL(file);
  element('photo').hidden = false;
  element('probabilities').replaceChildren();
  element('status').textContent = '...';
  try {
    const response = await fetch('predict', { method: 'POST', body: file });
    const prediction = await response.json();
    if (!response.ok) throw new Error(prediction.error);
    element('status').textContent = prediction.labels.join(', ') || 'no label';
    for (const [name, p] of Object.entries(prediction.probabilities).sort((a, b) => b[1] - a[1])) {
      const row = element('probabilities').insertRow();
      row.insertCell().textContent = name;
      row.insertCell().textContent = (100 * p).toFixed(1) + ' %';
    }
  } catch (error) {
    element('status').textContent = error.message;
  }
}
element('file').addEventListener('change', (event) => show(event.target.files[0]));
for (const kind of ['dragover', 'dragleave', 'drop'])
  element('drop').addEventListener(kind, (event) => {
    event.preventDefault();
    element('drop').classList.toggle('over', kind === 'dragover');
    if (kind === 'drop') show(event.dataTransfer.files[0]);
  });
</script>
</html>
`;
