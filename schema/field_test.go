package schema

import "testing"

func TestCron(t *testing.T) {
	for schedule, valid := range map[string]bool{
		"* * * * *": true, "0 22 * * mon-fri": true, "*/15 8-18/2 1,15 JAN-mar 0,sat": true, "59 23 31 12 7": true,
		"60 * * * *": false, "* 24 * * *": false, "* * 0 * *": false, "* * * 13 *": false, "* * * * 8": false,
		"*/0 * * * *": false, "5/2 * * * *": false, "9-5 * * * *": false, "a * * * *": false, ", * * * *": false,
		"+1 * * * *": false, "-1 * * * *": false, "1- * * * *": false, "* * * janu *": false, "1,,2 * * * *": false,
		"1\t2 * * * *": false, "* * * *": false, "": false,
	} {
		if problem := checkCron(schedule); (problem == "") != valid {
			t.Errorf("%q: %s", schedule, problem)
		}
	}
}

// TestScheduleSets reads schedules into the numbers that they stand for.
func TestScheduleSets(t *testing.T) {
	set := func(numbers ...int) (out uint64) {
		for _, n := range numbers {
			out |= 1 << n
		}
		return out
	}
	const minutes, hours, days, months, weekdays = 1<<60 - 1, 1<<24 - 1, 1<<32 - 2, 1<<13 - 2, 1<<7 - 1
	for text, want := range map[string]Schedule{
		"* * * * *":            {minutes, hours, days, months, weekdays, false},
		"0 22 * * mon-fri":     {set(0), set(22), days, months, set(1, 2, 3, 4, 5), false},
		"*/20 8-12/2 1,15 2 *": {set(0, 20, 40), set(8, 10, 12), set(1, 15), set(2), weekdays, false},
		"5 0 * JAN,mar-apr 7":  {set(5), set(0), days, set(1, 3, 4), set(0), false},
		"59 23 31 12 fri-7":    {set(59), set(23), set(31), set(12), set(0, 5, 6), true},
		"0 0 */10 * 1":         {set(0), set(0), set(1, 11, 21, 31), months, set(1), false},
		"0 0 1-31 * 1":         {set(0), set(0), days, months, set(1), true},
		"0 0 1 * */2":          {set(0), set(0), set(1), months, set(0, 2, 4, 6), false},
		"1-5,3-9/3,7 0 1 1 *":  {set(1, 2, 3, 4, 5, 6, 7, 9), set(0), set(1), set(1), weekdays, false},
	} {
		if have, err := ParseSchedule(text); err != nil || have != want {
			t.Errorf("%q: got %+v, want %+v; error %v", text, have, want, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	for url, valid := range map[string]bool{
		"https://coder.example.com": true, "http://10.0.0.1:8080": true, "https://[::1]:8443": true,
		"https://coder.example.com/": false, "https://coder.example.com//": false, "https://coder.example.com?": false,
		"https://coder.example.com#": false, "https://a@coder.example.com": false, "https://:443": false, "https://x:0": false,
		"https://x:65536": false, "HTTPS://x": false, "https://": false, "https://x y": false, "https://x/%zz": false,
		"ftp://x": false, "coder.example.com": false, "": false,
	} {
		if err := CheckAccessURL(url); (err == nil) != valid {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"frankfurt", "munich", "eu"}
	for name, want := range map[string]string{
		"frankfrut": `did you mean "frankfurt"?`, "munch": `did you mean "munich"?`, "muinch": `did you mean "munich"?`,
		"ue": "known: eu, frankfurt, munich", "berlin": "known: eu, frankfurt, munich", "": "known: eu, frankfurt, munich",
	} {
		if have := didYouMean(name, known); have != want {
			t.Errorf("%q: got %s, want %s", name, have, want)
		}
	}
}
