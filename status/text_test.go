package status

import "testing"

// What is told quickly of clean texts is what reading them tells.
func TestCleanTexts(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "two words": "two words", " before": "before", "after ": "after", "too  many": "too many", " ": "",
		"a\nb": "a b", "a\x7fb": "a b", "grün ist  gut": "grün ist gut", "grün": "grün", "a\u202eb": "a b", "a\xffb": "a b",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
