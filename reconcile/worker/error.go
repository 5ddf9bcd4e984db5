package worker

import "encoding/json"

// Class says how a run ended, other than well.
type Class string

// The classes. Every one but Invalid, Busy and Broken is a limit that the input ran into.
const (
	Invalid Class = "invalid" // the function returned an error: the input is wrong
	Memory  Class = "memory"
	Stack   Class = "stack"
	CPU     Class = "cpu"
	Time    Class = "time"
	Busy    Class = "busy" // the time was over before it had got much of it: the machine had other things to do
	Output  Class = "output"
	Broken  Class = "broken" // it ended in a way that it should not
)

// Error is a run that did not end well.
type Error struct {
	Class   Class
	Message string          // for Invalid, the function's own error
	Detail  json.RawMessage // for Invalid, the function's error as JSON, where it has exported content
}

// Error says what happened, and for a limit what can be done.
func (e *Error) Error() string { return e.Message }
