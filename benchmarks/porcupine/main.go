// Times Porcupine on operations given as JSON, for benchmarks/linearizability.py.
//
// Standard input is one JSON object per line: {"name": ..., "init": ..., "ops": [[f, a, b, start, end], ...]}.
// f is 0 read of a, 1 write of a, 2 successful cas from a to b, 3 failed cas that expected a; an end of -1 means
// that the operation crashed.  For each line one line is printed: name, verdict, and the median time of the
// check in nanoseconds (reading and making of operations apart).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

type history struct {
	Name string     `json:"name"`
	Init int64      `json:"init"`
	Ops  [][5]int64 `json:"ops"`
}

// A check that takes longer is given up, and its verdict printed as Unknown.
const limit = 20 * time.Second

type input struct{ f, a, b int64 }

func model(init int64) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return init },
		// A crashed cas may find another value than it expected, and then does nothing.
		Step: func(state, in, out interface{}) (bool, interface{}) {
			now, op := state.(int64), in.(input)
			switch op.f {
			case 0:
				return now == op.a, now
			case 1:
				return true, op.a
			case 2:
				if crashed := out.(bool); crashed && now != op.a {
					return true, now
				}
				return now == op.a, op.b
			default:
				return now != op.a, now
			}
		},
	}
}

func events(h history) []porcupine.Event {
	type at struct {
		position int64
		event    porcupine.Event
	}
	var all []at
	last := int64(0)
	for _, op := range h.Ops {
		last = max(last, op[3], op[4])
	}
	for id, op := range h.Ops {
		end := op[4]
		if end < 0 {
			last++
			end = last
		}
		all = append(all,
			at{op[3], porcupine.Event{Kind: porcupine.CallEvent, Value: input{op[0], op[1], op[2]}, Id: id}},
			at{end, porcupine.Event{Kind: porcupine.ReturnEvent, Value: op[4] < 0, Id: id}})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].position < all[j].position })
	ordered := make([]porcupine.Event, len(all))
	for i, one := range all {
		ordered[i] = one.event
	}
	return ordered
}

func main() {
	rounds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(nil, 1<<30)
	for scanner.Scan() {
		var h history
		if err := json.Unmarshal(scanner.Bytes(), &h); err != nil {
			panic(err)
		}
		made, rules := events(h), model(h.Init)
		times := make([]int, rounds)
		answer := porcupine.Unknown
		for round := range times {
			begin := time.Now()
			answer = porcupine.CheckEventsTimeout(rules, made, limit)
			times[round] = int(time.Since(begin).Nanoseconds())
		}
		sort.Ints(times)
		fmt.Printf("%s\t%v\t%d\n", h.Name, answer, times[rounds/2])
	}
}
