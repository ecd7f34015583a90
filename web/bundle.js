// The parts of the chart library that every report uses: core has scatter.
module.exports = require("plotly.js/lib/core");
