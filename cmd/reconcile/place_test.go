package main

import "testing"

func TestTheWebsiteOfAnAPI(t *testing.T) {
	for api, want := range map[string]string{
		"https://api.github.com":              "https://github.com",
		"https://github.example.com/api/v3/":  "https://github.example.com",
		"https://gitlab.example.com/x/api/v4": "https://gitlab.example.com/x",
		"http://127.0.0.1:3000":               "http://127.0.0.1:3000",
	} {
		if got := website(api); got != want {
			t.Errorf("%s has its pages at %s, want %s", api, got, want)
		}
	}
}
