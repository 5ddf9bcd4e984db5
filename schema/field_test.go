package schema

import "testing"

func TestCron(t *testing.T) {
	for schedule, valid := range map[string]bool{
		"* * * * *": true, "0 22 * * mon-fri": true, "*/15 8-18/2 1,15 JAN-mar 0,sat": true, "59 23 31 12 7": true,
		"60 * * * *": false, "* 24 * * *": false, "* * 0 * *": false, "* * * 13 *": false, "* * * * 8": false,
		"*/0 * * * *": false, "5/2 * * * *": false, "9-5 * * * *": false, "a * * * *": false, ", * * * *": false,
		"+1 * * * *": false, "-1 * * * *": false, "1- * * * *": false, "* * * janu *": false, "1,,2 * * * *": false,
	} {
		if problem := checkCron(schedule); (problem == "") != valid {
			t.Errorf("%q: %s", schedule, problem)
		}
	}
}

func TestOrigin(t *testing.T) {
	for url, valid := range map[string]bool{
		"https://coder.example.com": true, "http://10.0.0.1:8080": true, "https://[::1]:8443": true,
		"https://coder.example.com/": false, "https://coder.example.com//": false, "https://coder.example.com?": false,
		"https://coder.example.com#": false, "https://a@coder.example.com": false, "https://:443": false, "https://x:0": false,
		"https://x:65536": false, "HTTPS://x": false, "https://": false, "https://x y": false, "https://x/%zz": false,
	} {
		if problem := checkOrigin(url); (problem == "") != valid {
			t.Errorf("%q: %s", url, problem)
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
