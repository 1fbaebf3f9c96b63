// Runs before the first paint, so that a chosen theme does not flash the other one. A file, because the page allows no inline script.
try {
  var theme = localStorage.getItem("watchbell.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (e) {
  // Storage may be forbidden; the system's theme is then used.
}
