package console

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/stats"
)

// Sizes of the chart in the units of its view box.
const (
	chartWidth  = 720
	chartHeight = 180
	chartGap    = 2
)

// chart is stacked bars of outcomes over time, ready to be drawn.
type chart struct {
	Width, Height int
	Bars          []bar
	Ticks         []tick
	Legend        []outcomeTotal
	Highest       int // operations in the highest bar
	Empty         bool
}

// bar is one span of time.
type bar struct {
	At    time.Time
	Count int
	Parts []barPart
}

// barPart is one outcome in a bar.
type barPart struct {
	Outcome, Words      string
	Count               int
	X, Y, Width, Height float64
}

type tick struct {
	X    float64
	Text string
}

func newChart(first time.Time, span time.Duration, cells []stats.Cell) chart {
	c := chart{Width: chartWidth, Height: chartHeight}
	sums := map[string]int{}
	for i := range cells {
		c.Highest = max(c.Highest, cells[i].CountOperations())
	}
	c.Empty = c.Highest == 0
	step := float64(chartWidth) / float64(len(cells))
	for i, cell := range cells {
		b := bar{At: first.Add(time.Duration(i) * span), Count: cell.CountOperations()}
		top := float64(chartHeight)
		for _, o := range outcomes {
			n := cell.Outcomes[o.name]
			if n == 0 {
				continue
			}
			sums[o.name] += n
			height := float64(n) / float64(c.Highest) * chartHeight
			top -= height
			b.Parts = append(b.Parts, barPart{o.name, o.words, n, float64(i)*step + chartGap/2, top, step - chartGap, height})
		}
		c.Bars = append(c.Bars, b)
		if i%(len(cells)/4) == 0 {
			c.Ticks = append(c.Ticks, tick{float64(i) * step, b.At.UTC().Format("15:04")})
		}
	}
	for _, o := range outcomes {
		if sums[o.name] > 0 {
			c.Legend = append(c.Legend, outcomeTotal{o.name, o.words, sums[o.name]})
		}
	}
	return c
}
