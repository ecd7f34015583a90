// The parts of the chart library that reports use; core has scatter.
const Plotly = require("plotly.js/lib/core");
Plotly.register([require("plotly.js/lib/bar"), require("plotly.js/lib/heatmap"), require("plotly.js/lib/contour")]);
module.exports = Plotly;
