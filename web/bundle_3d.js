// The same, and what draws surfaces and their maps, which only their pages carry.
const Plotly = require("./bundle.js");
Plotly.register([
  require("plotly.js/lib/surface"), require("plotly.js/lib/scatter3d"), require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/contour"),
]);
module.exports = Plotly;
