// The same, and what draws surfaces: half a megabyte that only their pages carry.
const Plotly = require("./bundle.js");
Plotly.register([require("plotly.js/lib/surface"), require("plotly.js/lib/scatter3d")]);
module.exports = Plotly;
