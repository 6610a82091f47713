// Sets the colour scheme before the first paint, so that a dark page does not flash white. Runs from <head>, blocking.
(function () {
  "use strict";
  try {
    var wanted = localStorage.getItem("kube-thrift-theme");
    if (wanted === "dark" || wanted === "light") document.documentElement.dataset.theme = wanted;
  } catch (refused) {
    // Storage may be refused (a page opened from disk, a private window): the system's preference then decides.
  }
  document.documentElement.classList.add("js");
})();
