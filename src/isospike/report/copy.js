// Buttons that copy a text; the clipboard is closed to pages opened as files in some browsers, so select it then.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const select = () => {
      getSelection().selectAllChildren(source);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) return select();
      return navigator.clipboard.writeText(source.textContent).then(() => { button.textContent = "Copied"; }, select);
    });
  }
})();
