// Times Porcupine on operations given as JSON, for benchmarks/linearizability.py.
//
// Standard input is one JSON object per line: {"name": ..., "init": ..., "ops": [[f, a, b, start, end], ...]}.
// f is 0 read of a, 1 write of a, 2 successful cas from a to b, 3 failed cas that expected a; an end of -1 means
// that the operation crashed.  For each line one line is printed: name, verdict, and the median time of the
// check in nanoseconds (reading and making of operations apart).  Instead of "ops" there may be "texts": the
// operations of a key-value store as [f, key, text, start, end] with f 0 get, 1 put, 2 append; keys are judged apart.
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

	Texts [][5]any `json:"texts"`
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

type textInput struct {
	f, key int64
	text   string
}

func textModel() porcupine.Model {
	return porcupine.Model{
		PartitionEvent: func(all []porcupine.Event) [][]porcupine.Event {
			parts, of := map[int64][]porcupine.Event{}, map[int]int64{}
			for _, event := range all {
				if event.Kind == porcupine.CallEvent {
					of[event.Id] = event.Value.(textInput).key
				}
				parts[of[event.Id]] = append(parts[of[event.Id]], event)
			}
			var found [][]porcupine.Event
			for _, part := range parts {
				found = append(found, part)
			}
			return found
		},
		Init: func() interface{} { return "" },
		Step: func(state, in, out interface{}) (bool, interface{}) {
			now, op := state.(string), in.(textInput)
			switch op.f {
			case 0:
				return now == op.text, now
			case 1:
				return true, op.text
			default:
				return true, now + op.text
			}
		},
	}
}

// numbers are the two times of each operation, and its input.
func numbers(h history) (times [][2]int64, inputs []interface{}) {
	for _, op := range h.Ops {
		times = append(times, [2]int64{op[3], op[4]})
		inputs = append(inputs, input{op[0], op[1], op[2]})
	}
	for _, op := range h.Texts {
		number := func(at int) int64 { return int64(op[at].(float64)) }
		times = append(times, [2]int64{number(3), number(4)})
		inputs = append(inputs, textInput{number(0), number(1), op[2].(string)})
	}
	return times, inputs
}

func events(h history) []porcupine.Event {
	type at struct {
		position int64
		event    porcupine.Event
	}
	var all []at
	last := int64(0)
	times, inputs := numbers(h)
	for _, at := range times {
		last = max(last, at[0], at[1])
	}
	for id, interval := range times {
		end := interval[1]
		if end < 0 {
			last++
			end = last
		}
		all = append(all,
			at{interval[0], porcupine.Event{Kind: porcupine.CallEvent, Value: inputs[id], Id: id}},
			at{end, porcupine.Event{Kind: porcupine.ReturnEvent, Value: interval[1] < 0, Id: id}})
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
		if h.Texts != nil {
			rules = textModel()
		}
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
